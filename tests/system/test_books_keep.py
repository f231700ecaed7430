"""What is older than [cutover] keep goes from the books, by the log's own time; what waits stays."""
from books import Books

MESSAGE = """\
{day}T08:00:00+00:00 gw postfix/smtpd[7]: {id}: client=c.test[192.0.2.9]
{day}T08:00:00+00:00 gw postfix/cleanup[8]: {id}: message-id=<{id}@c.test>
{day}T08:00:00+00:00 gw postfix/qmgr[9]: {id}: from=<s@c.test>, size=999, nrcpt=1 (queue active)
{day}T08:00:01+00:00 gw postfix/cutover-new/smtp[10]: {id}: to=<u@new.test>, relay=h[192.0.2.1]:25, delay=1, \
delays=0/0/0/1, dsn=2.0.0, status={status}
"""
REMOVED = "{day}T08:00:01+00:00 gw postfix/qmgr[9]: {id}: removed\n"


def message(day, queue_id, *, waits=False):
    status = "deferred (host h[192.0.2.1] said: 450 busy (in reply to RCPT TO command))" if waits else "sent (250 ok)"
    text = MESSAGE + ("" if waits else REMOVED)
    return text.format(day=day, id=queue_id, status=status)


def test_the_old_goes_and_what_waits_stays(tmp_path):
    log = message("2024-03-01", "4jYVch3KtSz1bYF1") + message("2024-03-01", "4jYVch3KtSz1bYF2", waits=True) \
        + message("2024-03-04", "4jYVch3KtSz1bYF3")
    books = Books(tmp_path, lines=["keep = 2d"]).fill(log)
    assert books.ctl("trace", "--queue-id", "4jYVch3KtSz1bYF1", code=1).returncode == 1
    for queue_id in ("4jYVch3KtSz1bYF2", "4jYVch3KtSz1bYF3"):
        assert queue_id in books.ctl("trace", "--queue-id", queue_id).stdout
    assert books.json("audit")["accepted"] == 2


def test_a_log_that_is_fed_late_is_kept(tmp_path):
    """And entered without Redis, too."""
    books = Books(tmp_path, lines=["keep = 2d"]).fill(message("2024-03-01", "4jYVch3KtSz1bYF1"), with_redis=False)
    assert books.json("audit")["delivered"] == 1
