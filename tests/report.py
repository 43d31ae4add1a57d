"""The end of `./dev test`: each failed test with the end of what it printed, then one summary of several ctest runs.

usage: report.py JUNIT_XML...      exits with 1 if a test failed or none ran
"""
import sys
import xml.etree.ElementTree

LINES_SHOWN = 60  # of a failed test: an assertion and what the broker said just before


def failed(case):
    skipped = case.find("skipped")
    return case.get("status") == "fail" or skipped is not None and not skipped.get("message").startswith("SKIP_")


def main(paths):
    runs = [xml.etree.ElementTree.parse(path).getroot() for path in paths]
    total = sum(int(run.get("tests")) for run in runs)
    failures = [(path, case) for path, run in zip(paths, runs) for case in run.iter("testcase") if failed(case)]
    for path, case in failures:
        print(f"\n-- FAILED: {case.get('name')} ({path}, {float(case.get('time')):.0f} s)")
        print("\n".join((case.findtext("system-out") or "").splitlines()[-LINES_SHOWN:]))
    passed = 100 * (total - len(failures)) // total if total else 0
    print(f"\n{passed}% tests passed, {len(failures)} tests failed out of {total}")
    return 1 if failures or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
