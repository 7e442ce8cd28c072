package kustoingest

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// Level is the level's counterpart in log/slog.
func (l LogLevel) Level() slog.Level {
	switch l {
	case LogError:
		return slog.LevelError
	case LogWarn:
		return slog.LevelWarn
	case LogInfo:
		return slog.LevelInfo
	case LogDebug:
		return slog.LevelDebug
	default:
		return slog.LevelDebug - 4
	}
}

type logger func(level LogLevel, target, message string)

func (logger) dropped() {}

// SetLog sends the log of the library, for the whole process, to a function: lines up to a level.
// Without one nothing is logged; nil removes it. Lines hold no secret. The function is called
// by several threads at once, must be quick and must not call this package; a panic in it ends the
// program.
func SetLog(level LogLevel, write func(level LogLevel, target, message string)) error {
	var user C.uintptr_t
	if write != nil {
		user = register(logger(write))
	}
	var failure *C.kusto_error
	if status := C.shim_log_set(C.int32_t(level), user, &failure); status != C.KUSTO_OK {
		return takeError(status, failure)
	}
	return nil
}

//export goKustoLog
func goKustoLog(user C.uintptr_t, level C.int32_t, target *C.char, targetLength C.size_t, message *C.char, messageLength C.size_t) {
	write := valueOf[logger](user)
	write(LogLevel(level), C.GoStringN(target, C.int(targetLength)), C.GoStringN(message, C.int(messageLength)))
}

// WithLogger sends the log of this client to a logger, and not to the function of [SetLog]: each event with
// its name as the attribute "event" and its fields as further ones; docs/LOGGING.md lists them. Trace is
// [slog.LevelDebug] - 4. Up to which level events are made is asked once, by [New]: below it the log costs
// nothing. The logger's handler is called by several threads of the library at once, must be quick and must
// not call this package; a panic in it ends the program.
func WithLogger(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

// clientLog is the user data of a client's log.
type clientLog struct{ logger *slog.Logger }

func (clientLog) dropped() {}

// setLogger lets clients made of this config log to the logger.
func setLogger(config *C.kusto_config, logger *slog.Logger) error {
	most := LogError
	for _, level := range []LogLevel{LogWarn, LogInfo, LogDebug, LogTrace} {
		if logger.Enabled(context.Background(), level.Level()) {
			most = level
		}
	}
	var failure *C.kusto_error
	return checked(C.shim_config_set_log(config, C.int32_t(most), register(clientLog{logger}), &failure), &failure)
}

//export goKustoLogEvent
func goKustoLogEvent(user C.uintptr_t, number C.int32_t, event, message, fields *C.char) {
	handler, level := valueOf[clientLog](user).logger.Handler(), LogLevel(number).Level()
	if !handler.Enabled(context.Background(), level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, C.GoString(message), 0)
	record.AddAttrs(slog.String("event", C.GoString(event)))
	record.AddAttrs(attributes(C.GoString(fields))...)
	// There is nobody to give its error to, as with every logger.
	_ = handler.Handle(context.Background(), record)
}

// attributes are the members of a JSON object of texts and numbers, in its order.
func attributes(document string) (found []slog.Attr) {
	tokens := json.NewDecoder(strings.NewReader(document))
	tokens.UseNumber()
	next := func() json.Token {
		token, err := tokens.Token()
		if err != nil {
			return nil
		}
		return token
	}
	next()
	for tokens.More() {
		name, _ := next().(string)
		value := any(next())
		if number, isNumber := value.(json.Number); isNumber {
			if whole, err := number.Int64(); err == nil {
				value = whole
			} else if real, err := number.Float64(); err == nil {
				value = real
			}
		}
		found = append(found, slog.Any(name, value))
	}
	return found
}
