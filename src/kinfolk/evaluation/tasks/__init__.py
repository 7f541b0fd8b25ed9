"""What a text encoder can be asked, one file a task: how its files are read, and the figures it gives.

==================  ===================================================================================================
sts                 do cosines follow what people say of pairs of sentences, and by which shortcuts?
retrieval           are the relevant documents found, beside BM25 and TF-IDF?
cross_language      does a sentence find its translation?
pairs               are pairs that belong together told from others?
classification      are classes told by a few labels, and the rare ones by all?
geometry            how near is what belongs together, how even is the rest?
==================  ===================================================================================================

Every task takes texts -> vectors, so that any encoder can be asked; cosines decide.
"""

from kinfolk.evaluation.tasks.entry import TASKS, evaluate_texts
from kinfolk.evaluation.tasks.outcome import Encode, EncoderEvaluation, Figures, Outcome, Task

__all__ = ["TASKS", "Encode", "EncoderEvaluation", "Figures", "Outcome", "Task", "evaluate_texts"]
