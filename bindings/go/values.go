//go:build cgo

package kustoingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// typed reads a value in the service's notation.
func typed(kind, text string) (any, error) {
	switch kind {
	case "bool":
		return parseBool(text)
	case "int":
		number, err := strconv.ParseInt(text, 10, 32)
		return int32(number), err
	case "long":
		return strconv.ParseInt(text, 10, 64)
	case "real":
		return parseReal(text)
	case "datetime":
		return time.Parse(time.RFC3339Nano, text)
	case "timespan":
		return parseTimespan(text)
	case "dynamic":
		return json.RawMessage(text), nil
	default:
		return text, nil
	}
}

var (
	errNull  = errors.New("is null")
	errRange = errors.New("is beyond the range of time.Duration, 292 years")
)

// assign puts a value into a variable whose type fits.
func assign(dest any, kind string, value cell) error {
	target := reflect.ValueOf(dest)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("%T is not a pointer to a variable", dest)
	}
	target = target.Elem()
	if value.null {
		switch target.Kind() {
		case reflect.Pointer, reflect.Interface:
			target.SetZero()
			return nil
		}
		return errNull
	}
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		target = target.Elem()
	}
	if target.Kind() == reflect.String {
		target.SetString(value.text)
		return nil
	}
	found, err := typed(kind, value.text)
	if err != nil {
		return err
	}
	if number, isInt := found.(int32); isInt && target.CanInt() {
		found = int64(number)
	}
	if number, isInt := found.(int64); isInt && target.CanInt() && target.Type() != reflect.TypeFor[time.Duration]() {
		if target.OverflowInt(number) {
			return fmt.Errorf("%d does not fit into %v", number, target.Type())
		}
		target.SetInt(number)
		return nil
	}
	if !reflect.TypeOf(found).AssignableTo(target.Type()) {
		return fmt.Errorf("cannot be stored in %v", target.Type())
	}
	target.Set(reflect.ValueOf(found))
	return nil
}

// parseBool reads the words in which the library writes every bool; any other text is one that it could not
// read.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%q is not a bool", text)
	}
	return text == "true", nil
}

// parseReal reads what the library writes: no hexadecimal digits.
func parseReal(text string) (float64, error) {
	if strings.ContainsAny(text, "xX") {
		return 0, fmt.Errorf("%q is not a real", text)
	}
	return strconv.ParseFloat(text, 64)
}

var clockForm = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?$`)

// parseTimespan reads [-][d.]hh:mm:ss[.fffffff].
func parseTimespan(text string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(text, "-")
	days := int64(0)
	if before, after, found := strings.Cut(rest, "."); found && !strings.Contains(before, ":") {
		number, err := strconv.ParseInt(before, 10, 64)
		if err != nil {
			return 0, err
		}
		days, rest = number, after
	}
	if !clockForm.MatchString(rest) {
		return 0, fmt.Errorf("%q is not a timespan", text)
	}
	parts := strings.Split(rest, ":")
	clock, err := time.ParseDuration(parts[0] + "h" + parts[1] + "m" + parts[2] + "s")
	if err != nil {
		return 0, err
	}
	const day = int64(24 * time.Hour)
	if days > math.MaxInt64/day || days*day > math.MaxInt64-int64(clock) {
		return 0, errRange
	}
	total := time.Duration(days*day) + clock
	if negative {
		total = -total
	}
	return total, nil
}
