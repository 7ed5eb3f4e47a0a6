"""Label records as QA, IE, GEN or OTHER, with an offline classifier or a teacher model."""

from bioinstruct.labels.audit import Audit, label_records
from bioinstruct.labels.label import Labelled
from bioinstruct.labels.offline import Classifier, Prediction, classifier

__all__ = ["Audit", "Classifier", "Labelled", "Prediction", "classifier", "label_records"]
