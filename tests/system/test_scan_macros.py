"""VBA macros in every code page that libclamav reads: its character sets are there in the sandbox as they are outside."""
import pytest

from compound import macros
from scanner import start
from signatures import attachment

ADDRESS = "127.20.50.1"
# Found only once it has been converted and put on one line.
SOURCE = 'Attribute VB_Name = "Module1"\r\nSub PostShift _\r\n   Evil    Marker()\r\nEnd Sub\r\n'
SIGNATURE = b"postshift evil marker()"
EBCDIC = {37: "cp037", 500: "cp500", 875: "cp875", 1026: "cp1026", 20273: "cp273", 20424: "cp424"}
ASCII = (437, 775, 850, 852, 855, 857, 860, 861, 863, 865, 866, 869, 874, 932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255,
         1256, 1257, 1258, 1361, 10000, 20127, 20866, 20932, 21866, 28591, 28592, 28593, 28594, 28595, 28596, 28597, 28598, 28599, 28603,
         28605, 50220, 50221, 50222, 50225, 51932, 51936, 51949, 54936, 65001)


@pytest.fixture(scope="module")
def scanner(module_folder):
    (module_folder / "db").mkdir(mode=0o755)
    (module_folder / "db/macro.ndb").write_text(f"Test.Macro:0:*:{SIGNATURE.hex()}\n", encoding="ascii")
    milter = start(module_folder, ADDRESS)
    yield milter
    milter.stop()


def page(number):
    return macros(SOURCE.encode(EBCDIC.get(number, "ascii")), number)


@pytest.mark.parametrize("number", [*ASCII, *EBCDIC, 1200])
def test_a_macro_is_found_in_code_page(scanner, number):
    data = macros(SOURCE.encode("utf-16-le"), 1200) if number == 1200 else page(number)
    assert scanner.send(*attachment(data, name="a.doc")).reply == "550 5.7.1 message refused: it contains Test.Macro.UNOFFICIAL"


@pytest.mark.parametrize("number", [0, 709, 720, 858, 10001, 57011, 65535])
def test_a_code_page_that_nobody_reads_is_no_reason_to_wait(scanner, number):
    answer = scanner.send(*attachment(page(number), name="a.doc"))
    assert answer.action == "accept" and answer.field("X-Virus-Status") == "Clean"


def test_harmless_macros_are_clean(scanner):
    for number in (437, 932, 1252, 65001):
        data = macros(SOURCE.replace("Evil", "Kind").encode(), number)
        assert scanner.send(*attachment(data, name="a.xls")).field("X-Virus-Status") == "Clean"
