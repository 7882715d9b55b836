from tests.cli.harness import ok

def test_smoke(project):
    print(ok("status", cwd=project).out)
    print(ok("op", "log", cwd=project).out)
