"""expect_failure.py CASE.cpp COMPILER FLAGS...: the case must fail to compile, with the words of its `// expect:` line."""
import subprocess
import sys

case, command = sys.argv[1], sys.argv[2:]
with open(case) as f:
    first = f.readline()
if not first.startswith("// expect: "):
    sys.exit(f"{case}: the first line must be '// expect: words of the message'")
words = first[len("// expect: "):].strip()
run = subprocess.run([*command, case], capture_output=True, text=True)
errors = [line for line in run.stderr.splitlines() if "error:" in line and "orrery:" in line]
if run.returncode == 0:
    sys.exit(f"{case}: compiles, but must not")
if not any(words in line for line in errors):
    sys.exit(f"{case}: no error says '{words}':\n{run.stderr}")
if len(errors) != 1:
    sys.exit(f"{case}: one mistake, one message; got {len(errors)}:\n" + "\n".join(errors))
print(errors[0])
