"""CLIPPINGS: records of pictures and noisy texts, embedded by what belongs together, without labels and then with them.

Source: Arora, Yang, Jheng & Dell, "Linking representations with multimodal contrastive learning", 2023, arXiv 2304.03464.
"""
