"""mvcs help."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb

TOPICS = {
    "names": """\
Branches, tags and models have Git's rules: no spaces, none of ~ ^ : ? * [ \\ @ #, no part that begins with a dot or
ends with .lock, at most 200 bytes. Names that differ only in case are refused, since not every disk tells them apart.
""",
    "revisions": """\
HEAD            the commit that the workspace stands on; @ is short for it
main, v1.0      a branch or tag of this model; MODEL/main of another one
3f9a1c2b        the first digits of an oid, at least four
REV~2           two commits back by first parents; REV^2 is the second parent
@{1}, main@{1}  where the branch was one move ago; main@{2026-03-01}, main@{yesterday}, main@{2 hours ago}
REV^{tree}      the root tree of a commit
A..B            what B has and A has not; A...B what changed from their merge base to B
REV:PATH        a file or folder in a commit; REV:@weights an ingredient
REV:FILE//NAME  a tensor of a weights file; REV:FILE// all of them
""",
    "exit-codes": """\
0 done, no difference, true        1 the honest no: nothing to commit, damage found, differences with --exit-code
2 wrong usage                      3 not found
4 precondition failed, lost race   5 not permitted
6 remote or network                7 integrity: a byte is not what its name says
8 internal error (a bug)           128 not a repository
130 interrupted                    141 nobody reads on
""",
    "environment": """\
MVCS_DIR            the repository's folder, when it is not .mvcs above the workspace
MVCS_AUTHOR_NAME, MVCS_AUTHOR_EMAIL, MVCS_AUTHOR_DATE   written into commits
SOURCE_DATE_EPOCH   time of commits, in seconds: for reproducible ones
MVCS_LOCK_TIMEOUT   seconds to wait for another command
MVCS_CACHE_SIZE     bytes of disposable files for mapping
NO_COLOR            no colour
""",
}


@verb("help")
@click.argument("topic", required=False)
def command(ui: Ui, topic: str | None) -> None:
    """Help on a verb, or on names, revisions, exit-codes or environment."""
    root = click.get_current_context().find_root()
    if topic is None:
        ui.text(root.get_help())
        ui.text(f"\nTopics: {', '.join(TOPICS)} (mvcs help TOPIC)")
        return
    if topic in TOPICS:
        ui.answer("help", {"topic": topic, "text": TOPICS[topic]}, people=lambda: ui.text(TOPICS[topic].rstrip()))
        return
    assert isinstance(root.command, click.Group)
    found = root.command.get_command(root, topic)
    if found is None:
        message = f"no verb or topic {topic!r}; topics are {', '.join(TOPICS)}"
        raise click.UsageError(message)
    with click.Context(found, info_name=topic, parent=root, **found.context_settings) as ctx:
        ui.text(found.get_help(ctx))
