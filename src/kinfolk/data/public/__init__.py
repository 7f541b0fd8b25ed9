"""Public data sets by name: nothing is shipped, all come from package registries when they are asked for.

===============  ==================================================================================================
jp_firms         two tables of Japanese firms and the pairs that people judged
emoji            pictures of emoji by several vendors, and their names in many languages
febrl            made-up persons with typing errors: Febrl 1 to 3 repeat them in one table, Febrl 4 has two
===============  ==================================================================================================
"""

from kinfolk.data.public.dataset import Choice, Dataset
from kinfolk.data.public.obtain import Obtained, get_dataset, is_cached
from kinfolk.data.public.packages import Package
from kinfolk.data.public.registry import datasets, find_dataset

__all__ = ["Choice", "Dataset", "Obtained", "Package", "datasets", "find_dataset", "get_dataset", "is_cached"]
