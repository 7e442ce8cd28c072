package kustoingest

// #include "shim.h"
import "C"

import "fmt"

// Column is a column of a result, or of a table to be created.
type Column struct {
	Name string
	Type string // A Kusto type, such as "long".
}

// Rows is the result of a command or query, with a cursor before the first row of its first table.
// It is plain Go memory and needs no closing. Not for several goroutines at once.
type Rows struct {
	tables []table
	table  int
	row    int
}

type table struct {
	columns []Column
	rows    [][]cell
}

// cell is a value in the service's notation.
type cell struct {
	text string
	null bool
}

// takeRows copies the rows of a finished operation.
func takeRows(op *C.kusto_op) (*Rows, error) {
	var rows *C.kusto_rows
	var failure *C.kusto_error
	if status := C.kusto_op_rows(op, &rows, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	defer C.kusto_rows_free(rows)
	copy := &Rows{row: -1}
	for {
		copy.tables = append(copy.tables, copyTable(rows))
		if C.kusto_rows_next_table(rows) == 0 {
			return copy, nil
		}
	}
}

func copyTable(rows *C.kusto_rows) table {
	width := C.kusto_rows_columns(rows)
	copy := table{rows: make([][]cell, 0, int(C.kusto_rows_len(rows)))}
	for i := C.size_t(0); i < width; i++ {
		copy.columns = append(copy.columns, Column{
			Name: copied(func(n *C.size_t) *C.char { return C.kusto_rows_column_name(rows, i, n) }),
			Type: copied(func(n *C.size_t) *C.char { return C.kusto_rows_column_type(rows, i, n) }),
		})
	}
	for C.kusto_rows_next(rows) != 0 {
		row := make([]cell, width)
		for i := range row {
			var length C.size_t
			if start := C.kusto_rows_text(rows, C.size_t(i), &length); start != nil {
				row[i].text = C.GoStringN(start, C.int(length))
			} else {
				row[i].null = true
			}
		}
		copy.rows = append(copy.rows, row)
	}
	return copy
}

// Columns are those of the current table.
func (r *Rows) Columns() []Column { return r.tables[r.table].columns }

// Len is how many rows the current table has.
func (r *Rows) Len() int { return len(r.tables[r.table].rows) }

// Next moves to the next row of the current table; false at the end.
func (r *Rows) Next() bool {
	if r.row+1 >= r.Len() {
		r.row = r.Len()
		return false
	}
	r.row++
	return true
}

// NextTable moves before the first row of the next table, for texts with several results; false at
// the end.
func (r *Rows) NextTable() bool {
	if r.table+1 >= len(r.tables) {
		return false
	}
	r.table++
	r.row = -1
	return true
}

func (r *Rows) cells() ([]cell, error) {
	if r.row < 0 || r.row >= r.Len() {
		return nil, newError(CodeInvalidState, "there is no current row: call Next")
	}
	return r.tables[r.table].rows[r.row], nil
}

// Text is a value of the current row in the service's notation; false for null, and for a column or
// row that does not exist.
func (r *Rows) Text(column int) (string, bool) {
	cells, err := r.cells()
	if err != nil || column < 0 || column >= len(cells) || cells[column].null {
		return "", false
	}
	return cells[column].text, true
}

// Values are the current row's values: nil for null, else bool, int32 (int), int64 (long), float64
// (real), time.Time (datetime), time.Duration (timespan), json.RawMessage (dynamic), and string for
// everything else (string, guid, decimal).
func (r *Rows) Values() ([]any, error) {
	cells, err := r.cells()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(cells))
	for i, cell := range cells {
		if cell.null {
			continue
		}
		column := r.Columns()[i]
		if values[i], err = typed(column.Type, cell.text); err != nil {
			return nil, fmt.Errorf("column %q: %w", column.Name, err)
		}
	}
	return values, nil
}

// Scan copies the current row into variables, one for each column: pointers to the types that
// [Rows.Values] names, to int, to string (any column), to any, or to a pointer to one of these, which
// null makes nil.
func (r *Rows) Scan(dest ...any) error {
	cells, err := r.cells()
	if err != nil {
		return err
	}
	if len(dest) != len(cells) {
		return invalidArgument("dest", fmt.Sprintf("%d variables for %d columns", len(dest), len(cells)))
	}
	for i := range dest {
		column := r.Columns()[i]
		if err := assign(dest[i], column.Type, cells[i]); err != nil {
			failure := invalidArgument("dest", fmt.Sprintf("column %q (%s): %v", column.Name, column.Type, err))
			failure.cause = err
			return failure
		}
	}
	return nil
}
