"""Tables that fit the page."""

from memdyn.report.page.tables import Cell, Table, without_one_attack


def test_a_table_of_one_attack_says_so_once():
    table = Table("Numbers.", ["run", "attack", "AUC"], [[Cell(t) for t in ("a", "lira", ".6")]], 2)
    short = without_one_attack(table)
    assert short.columns == ["run", "AUC"] and short.head == 1 and short.caption == "Numbers. Attack: lira."
    assert [cell.text for cell in short.rows[0]] == ["a", ".6"]
    table.rows.append([Cell(t) for t in ("a", "loss", ".5")])
    assert without_one_attack(table) is table
