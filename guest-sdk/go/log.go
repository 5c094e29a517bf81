package guest

import (
	"fmt"
	"log"
	"strings"
)

type level uint32

const (
	levelTrace level = iota
	levelDebug
	levelInfo
	levelWarn
	levelError
)

// host takes log lines and metrics: the engine, or a test.
var host interface {
	log(level level, message string)
	counter(name string, delta uint64)
	gauge(name string, value float64)
} = silent{}

type silent struct{}

func (silent) log(level, string)      {}
func (silent) counter(string, uint64) {}
func (silent) gauge(string, float64)  {}

func say(level level, format string, values []any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, values...), "\n") {
		host.log(level, line)
	}
}

// Debugf, Infof, Warnf and Errorf write lines to the job's log. So do fmt.Println and the package log.
func Debugf(format string, values ...any) { say(levelDebug, format, values) }
func Infof(format string, values ...any)  { say(levelInfo, format, values) }
func Warnf(format string, values ...any)  { say(levelWarn, format, values) }
func Errorf(format string, values ...any) { say(levelError, format, values) }

// Counter adds to the counter operator.name of the job's metrics.
func Counter(name string, delta uint64) { host.counter(name, delta) }

// Gauge sets the gauge operator.name of the job's metrics.
func Gauge(name string, value float64) { host.gauge(name, value) }

type logWriter struct{}

func (logWriter) Write(line []byte) (int, error) {
	host.log(levelInfo, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// The engine's log has times of its own.
func takeLog() {
	log.SetFlags(0)
	log.SetOutput(logWriter{})
}
