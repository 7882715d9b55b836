"""The values that verbs answer with; each has `to_dict()`, equal to the command line's JSON."""

from mvcs.diff.keys import KeyChange
from mvcs.diff.tensors import TensorChange
from mvcs.diff.trees import FileChange
from mvcs.ops.branch import Named
from mvcs.ops.clone import CloneResult
from mvcs.ops.commit import CommitResult
from mvcs.ops.conflicts import Left
from mvcs.ops.details import Detailed
from mvcs.ops.doctor import Finding
from mvcs.ops.du import Usage
from mvcs.ops.fetch import Fetched
from mvcs.ops.fsck import Report
from mvcs.ops.gc import GcResult
from mvcs.ops.init import Preview
from mvcs.ops.log import Logged
from mvcs.ops.materialise import Materialised
from mvcs.ops.merge import MergeResult
from mvcs.ops.oplog import Logged as LoggedOperation
from mvcs.ops.push import Pushed
from mvcs.ops.remote import RemoteChecked
from mvcs.ops.repack import RepackResult
from mvcs.ops.restore import RestoreResult
from mvcs.ops.show import Listed, Shown
from mvcs.ops.status import Status
from mvcs.ops.switch import SwitchResult
from mvcs.ops.tensors import ListedTensor, TensorShown
from mvcs.ops.undo import UndoResult
from mvcs.repo.remotes import Remote

__all__ = [
    "CloneResult", "CommitResult", "Detailed", "Fetched", "FileChange", "Finding", "GcResult", "KeyChange", "Left",
    "Listed", "ListedTensor", "Logged", "LoggedOperation", "Materialised", "MergeResult", "Named", "Preview",
    "Pushed", "Remote", "RemoteChecked", "RepackResult", "Report", "RestoreResult", "Shown", "Status",
    "SwitchResult", "TensorChange", "TensorShown", "UndoResult", "Usage",
]
