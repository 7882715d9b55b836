"""One file per verb. This table names them with their one-line help, so that `--help` imports none of them."""

SECTIONS: dict[str, dict[str, str]] = {
    "Start and look": {
        "init": "make a repository of a training project",
        "clone": "copy a local repository with its history",
        "status": "what changed, what is stale, what is untracked",
        "log": "history, newest first",
        "show": "a commit in full",
        "diff": "what changed between two states",
        "blame": "the commit that last set a key, a package or a line",
        "ls": "files of a commit",
        "cat": "content of a file in a commit",
        "rev-parse": "the full oid of a revision",
    },
    "Make history": {
        "add": "say which ingredient a path belongs to",
        "rm": "take a path out of the model",
        "commit": "make the files as they are a state of the model",
        "branch": "list, make, rename or remove branches",
        "switch": "go to a branch",
        "checkout": "go to a branch or commit; alone: bring the files to HEAD",
        "restore": "give files the content that a commit has",
        "tag": "list, make or remove tags",
        "merge": "bring another branch's changes into this one",
        "conflicts": "what a merge left to settle",
        "resolve": "settle a conflict",
        "cherry-pick": "bring one commit's changes into this branch",
        "revert": "take one commit's changes back",
        "reset": "move the branch to a commit",
        "apply": "apply a patch to the files",
        "undo": "take the last operation back",
        "redo": "bring back what was undone last",
        "op": "the ledger of operations",
    },
    "Share": {
        "remote": "name other places, and try what they keep",
        "push": "send branches, tags and bytes to a remote",
        "fetch": "bring what a remote's branches need",
    },
    "Keep": {
        "gc": "remove what nothing reaches",
        "fsck": "check every byte and every name",
        "du": "what takes space, and why",
        "repack": "store what is stored in less space",
        "materialise": "weights as read-only files for mapping",
        "doctor": "is this machine fit for it?",
        "config": "read and write configuration",
        "completion": "completion for your shell",
        "help": "names, revisions, exit codes, environment",
        "version": "versions of mvcs and of what it stands on",
    },
}

ALIASES = {"ci": "commit", "st": "status", "co": "checkout", "sw": "switch"}

COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}


def module_of(name: str) -> str:
    """Returns the module of a verb."""
    return f"mvcs_cli.commands.{name.replace('-', '_')}"
