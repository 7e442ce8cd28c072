package kustoingest_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"

	kusto "kustoingest"
)

// text is what all enumerations are.
type text interface {
	fmt.Stringer
	encoding.TextMarshaler
}

func TestEnumerationsHaveNames(t *testing.T) {
	for name, value := range map[string]text{
		"TIMED_OUT":                       kusto.CodeTimedOut,
		"later":                           kusto.RetryLater,
		"warn":                            kusto.LogWarn,
		"multijson":                       kusto.MultiJSON,
		"raw":                             kusto.FormatRaw,
		"unknown":                         kusto.DFUnknown,
		"FailuresAndSuccesses":            kusto.FailuresAndSuccesses,
		"QueueAndTable":                   kusto.ReportToQueueAndTable,
		"ValidateCsvInputConstantColumns": kusto.SameNumberOfFields,
		"BestEffort":                      kusto.IgnoreFailures,
		"gzip":                            kusto.GZIP,
		"PartiallySucceeded":              kusto.StatePartiallySucceeded,
		"successes":                       kusto.OutcomeSuccesses,
		"Code(99)":                        kusto.Code(99),
		"State(17)":                       kusto.State(17),
		"State(-1)":                       kusto.State(-1),
		"ValidationOption(7)":             kusto.ValidationOption(7),
	} {
		if value.String() != name {
			t.Errorf("%s instead of %s", value, name)
		}
		document, err := json.Marshal(value)
		if err != nil || string(document) != `"`+name+`"` {
			t.Errorf("%s: %s, %v", name, document, err)
		}
		back := reflect.New(reflect.TypeOf(value))
		if err := json.Unmarshal(document, back.Interface()); err != nil || back.Elem().Interface() != value {
			t.Errorf("%s: %v, %v", name, back.Elem(), err)
		}
	}
}

func TestNamesThatAreRead(t *testing.T) {
	var level kusto.ReportLevel
	for name, expected := range map[string]kusto.ReportLevel{
		"failuresonly": kusto.FailuresOnly, "None": kusto.ReportNone, "DoNotReport": kusto.ReportNone, "ALL": kusto.FailuresAndSuccesses,
	} {
		if err := level.UnmarshalText([]byte(name)); err != nil || level != expected {
			t.Errorf("%s: %v, %v", name, level, err)
		}
	}
	for _, name := range []string{"", "all ", "ReportLevel()", "ReportLevel(x)", "ReportLevel(1", "ReportLevel(4294967296)", "State(1)"} {
		if failure := failed(t, level.UnmarshalText([]byte(name)), kusto.CodeInvalidArgument); failure.Argument != "ReportLevel" {
			t.Errorf("%s: %v", name, failure)
		}
	}
	var option kusto.ValidationOption
	failed(t, option.UnmarshalText([]byte("ValidationOption(128)")), kusto.CodeInvalidArgument)
}

func TestEnumerationsAsFlags(t *testing.T) {
	flags := flag.NewFlagSet("x", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var format kusto.DataFormat
	flags.TextVar(&format, "format", kusto.CSV, "of the data")
	if err := flags.Parse([]string{"-format", "MultiJSON"}); err != nil || format != kusto.MultiJSON {
		t.Errorf("%v, %v", format, err)
	}
	if err := flags.Parse([]string{"-format", "cvs"}); err == nil {
		t.Error("cvs is a format")
	}
}

// The service reads numbers; a program's own configuration may have names.
func TestAValidationPolicyAsJSON(t *testing.T) {
	policy := kusto.ValPolicy{Options: kusto.IgnoreNonDoubleQuotedFields, Implications: kusto.IgnoreFailures}
	const wire = `{"ValidationOptions":2,"ValidationImplications":1}`
	if document, err := json.Marshal(policy); err != nil || string(document) != wire {
		t.Errorf("%s, %v", document, err)
	}
	for _, document := range []string{wire, `{"validationOptions":"validateCsvInputColumnLevelOnly","ValidationImplications":"BestEffort"}`} {
		var read kusto.ValPolicy
		if err := json.Unmarshal([]byte(document), &read); err != nil || read != policy {
			t.Errorf("%s: %v, %v", document, read, err)
		}
	}
	for _, document := range []string{`[]`, `{"ValidationOptions":true}`, `{"ValidationImplications":300}`, `{"ValidationOptions":"x"}`} {
		if json.Unmarshal([]byte(document), &policy) == nil {
			t.Error(document)
		}
	}
}

func TestAFileThatCannotBeReadHasTheSystemsError(t *testing.T) {
	client := newClient(t)
	loop := filepath.Join(t.TempDir(), "loop.csv")
	if err := syscall.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for path, expected := range map[string]error{
		filepath.Join(t.TempDir(), "none.csv"): fs.ErrNotExist,
		loop:                                   syscall.ELOOP,
	} {
		_, err := client.FromFile(within(t), path, kusto.Table("T"))
		failure := failed(t, err, kusto.CodeSourceIO)
		if !errors.Is(err, expected) || failure.InDoubt {
			t.Errorf("%s: %+v", path, *failure)
		}
	}
}
