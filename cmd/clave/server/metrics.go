package server

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// metrics are what /metrics of the internal listener shows: what happened, by
// the names of the audit, and how long answers took, by route.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	sessions *prometheus.CounterVec
	requests *prometheus.HistogramVec
	jobs     *prometheus.CounterVec
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clave_audit_events_total", Help: "Audit events of committed transactions, by name.",
		}, []string{"event"}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clave_sessions_started_total", Help: "Sign-ins that began a session, by what proved the person: clave, clave15, 2fa or passkey.",
		}, []string{"acr"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "clave_http_request_duration_seconds", Help: "Time to answer, by route, method and class of status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "status"}),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "clave_job_runs_total", Help: "Runs of periodic jobs by this replica, by name and result.",
		}, []string{"job", "result"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "clave_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": goVersion()},
	})
	build.Set(1)
	m.registry.MustRegister(m.events, m.sessions, m.requests, m.jobs, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "unknown"
}

// gauge shows a figure that somebody else keeps.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// counter shows a count that somebody else keeps.
func (m *metrics) counter(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

func (m *metrics) onEvents(events []storage.Event) {
	for _, e := range events {
		m.events.WithLabelValues(e.Name).Inc()
		if e.Name == login.EventSessionStarted {
			acr := e.Detail["acr"]
			m.sessions.WithLabelValues(acr[strings.LastIndexByte(acr, ':')+1:]).Inc()
		}
	}
}

// observe counts one answer. What matched no route is "none": a stranger must
// not be able to make up label values.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, known(method), strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

func (m *metrics) job(name string, err error) {
	result := "done"
	if err != nil {
		result = "failed"
	}
	m.jobs.WithLabelValues(name, result).Inc()
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
