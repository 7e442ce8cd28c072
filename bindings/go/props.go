package kustoingest

// #include "shim.h"
import "C"

// newProps is for the caller to free.
func (i *ingestion) newProps() (*C.kusto_props, error) {
	var props *C.kusto_props
	var failure *C.kusto_error
	database, databaseLength := present(i.database)
	table, tableLength := present(i.table)
	if status := C.kusto_props_new(database, databaseLength, table, tableLength, &props, &failure); status != C.KUSTO_OK {
		return nil, takeError(status, failure)
	}
	if err := i.fill(props); err != nil {
		C.kusto_props_free(props)
		return nil, err
	}
	return props, nil
}

func (i *ingestion) fill(props *C.kusto_props) error {
	var failure *C.kusto_error
	status := C.kusto_props_set_reporting(props, C.int32_t(i.level), C.int32_t(i.method), &failure)
	if status == C.KUSTO_OK && i.mode != 0 {
		status = C.kusto_props_set_mode(props, C.int32_t(i.mode), &failure)
	}
	if status == C.KUSTO_OK && i.format != DFUnknown {
		status = C.kusto_props_set_format(props, C.int32_t(i.format), &failure)
	}
	if status == C.KUSTO_OK && i.mapping != "" {
		start, length := text(i.mapping)
		status = C.kusto_props_set_mapping_json(props, start, length, &failure)
	}
	if status == C.KUSTO_OK && i.mappingRef != "" {
		start, length := text(i.mappingRef)
		status = C.kusto_props_set_mapping_ref(props, start, length, &failure)
	}
	for _, tag := range i.tags {
		if status == C.KUSTO_OK {
			start, length := present(tag)
			status = C.kusto_props_add_tag(props, start, length, &failure)
		}
	}
	if status == C.KUSTO_OK && i.once != nil {
		start, length := present(*i.once)
		status = C.kusto_props_set_once(props, start, length, &failure)
	}
	for _, property := range i.properties {
		if status == C.KUSTO_OK {
			name, nameLength := present(property.name)
			value, valueLength := present(property.value)
			if property.additional {
				status = C.kusto_props_set_additional(props, name, nameLength, value, valueLength, &failure)
			} else {
				status = C.kusto_props_set(props, name, nameLength, value, valueLength, &failure)
			}
		}
	}
	if status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}
