"""ask_milter SOCKET < body - one mail for a milter, as Postfix would give it; prints action, reply and added fields."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from milter import Session  # noqa: E402

with Session(sys.argv[1], seconds=30) as session:
    answer = session.message([("From", "a@example.org"), ("Subject", "x")], sys.stdin.buffer.read())
print(answer.action, answer.reply)
for field in answer.added:
    print(*field)
