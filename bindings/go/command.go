package kustoingest

// #include "shim.h"
import "C"

// CreateTableCommand is the text of ".create table", for [Client.Mgmt]. A column's type is a Kusto
// type ("long") or a .NET type ("System.Int64"). The command leaves an existing table as it is.
func CreateTableCommand(table string, columns ...Column) (string, error) {
	var command *C.kusto_command
	var failure *C.kusto_error
	name, length := present(table)
	if err := checked(C.kusto_command_create_table(name, length, &command, &failure), &failure); err != nil {
		return "", err
	}
	defer C.kusto_command_free(command)
	for _, column := range columns {
		name, nameLength := present(column.Name)
		kind, kindLength := present(column.Type)
		if err := checked(C.kusto_command_add_column(command, name, nameLength, kind, kindLength, &failure), &failure); err != nil {
			return "", err
		}
	}
	if len(columns) == 0 {
		return "", invalidArgument("columns", "a table needs at least one column")
	}
	return commandText(command), nil
}

// CreateMappingCommand is the text of ".create table T ingestion ... mapping", or of
// ".create-or-alter" when replace is set, for [Client.Mgmt]. mapping is JSON in the current or the
// legacy shape.
func CreateMappingCommand(table string, format DataFormat, name, mapping string, replace bool) (string, error) {
	var command *C.kusto_command
	var failure *C.kusto_error
	into, intoLength := present(table)
	called, calledLength := present(name)
	document, documentLength := present(mapping)
	var alter C.kusto_bool
	if replace {
		alter = 1
	}
	status := C.kusto_command_create_mapping(into, intoLength, C.int32_t(format), called, calledLength, document, documentLength, alter, &command, &failure)
	if err := checked(status, &failure); err != nil {
		return "", err
	}
	defer C.kusto_command_free(command)
	return commandText(command), nil
}

func commandText(command *C.kusto_command) string {
	return copied(func(n *C.size_t) *C.char { return C.kusto_command_text(command, n) })
}
