package kustoingest

// #include "shim.h"
import "C"

import "log/slog"

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
