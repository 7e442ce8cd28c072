//go:build cgo

package kustoingest

import (
	"bytes"
	"encoding/json"
)

// JSON is the whole result as JSON, whatever the cursor shows:
//
//	{"tables":[{"columns":[{"name":"Count","type":"long"}],"rows":[[59066]]}]}
//
// A bool, int, long and real is a JSON value of its kind, a dynamic the value that it holds, null is null, and
// everything else is a string in the service's notation. JSON has no number for the reals NaN, Infinity and
// -Infinity: they are the strings "NaN", "Infinity" and "-Infinity". A long may have more digits than
// a float64 holds: decode with [json.Decoder.UseNumber] where that matters.
func (r *Rows) JSON() []byte {
	out := bytes.NewBufferString(`{"tables":[`)
	for i, table := range r.tables {
		if i > 0 {
			out.WriteByte(',')
		}
		table.writeJSON(out)
	}
	out.WriteString("]}")
	return out.Bytes()
}

func (t *table) writeJSON(out *bytes.Buffer) {
	out.WriteString(`{"columns":[`)
	for i, column := range t.columns {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`{"name":`)
		writeText(out, column.Name)
		out.WriteString(`,"type":`)
		writeText(out, column.Type)
		out.WriteByte('}')
	}
	out.WriteString(`],"rows":[`)
	for i, row := range t.rows {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('[')
		for j, value := range row {
			if j > 0 {
				out.WriteByte(',')
			}
			value.writeJSON(out, t.columns[j].Type)
		}
		out.WriteByte(']')
	}
	out.WriteString("]}")
}

func (c cell) writeJSON(out *bytes.Buffer, kind string) {
	if c.null {
		out.WriteString("null")
		return
	}
	switch kind {
	case "bool", "int", "long", "real", "dynamic":
		// The words of a real that is no number are not JSON.
		if json.Valid([]byte(c.text)) {
			out.WriteString(c.text)
			return
		}
	}
	writeText(out, c.text)
}

// writeText writes a JSON string, with <, > and & as they are.
func writeText(out *bytes.Buffer, text string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(text) == nil {
		out.Truncate(out.Len() - 1) // Encode ends with a line break.
	}
}
