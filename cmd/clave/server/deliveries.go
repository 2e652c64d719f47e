package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iess.gob.ec/clave/storage"
)

// countDeliveries counts what becomes of each attempt to tell an application that a
// session has ended, or of a security event, and shows how the queues stand.
func (s *Server) countDeliveries() func(event, clientID, result string) {
	const what = "delivered, refused (400), failed (given up), cancelled, or put off (retry)."
	logouts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clave_logout_results_total",
		Help: "What became of attempts of this replica to tell an application of a logout: " + what,
	}, []string{"client_id", "result"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clave_event_results_total",
		Help: "What became of attempts of this replica to tell an application of a security event: " + what,
	}, []string{"event", "client_id", "result"})
	s.metrics.registry.MustRegister(logouts, events, deliveries{s})
	return func(event, clientID, result string) {
		if event == storage.BackchannelLogout {
			logouts.WithLabelValues(clientID, result).Inc()
			return
		}
		events.WithLabelValues(storage.EventName(event), clientID, result).Inc()
	}
}

// deliveries shows how the queues of logouts and of security events stand whenever
// somebody asks for the metrics.
type deliveries struct{ s *Server }

var (
	logoutsDesc = prometheus.NewDesc("clave_logout_deliveries",
		"Logouts to tell an application of: pending ones, and those of the last 24 hours by what became of them.", []string{"client_id", "state"}, nil)
	logoutWaitDesc = prometheus.NewDesc("clave_logout_oldest_pending_seconds",
		"For how long an application has not been told of the logout that waits longest; absent: none waits.", []string{"client_id"}, nil)
	eventsDesc = prometheus.NewDesc("clave_event_deliveries",
		"Security events to tell an application of: pending ones, and those of the last 24 hours by what became of them.", []string{"event", "client_id", "state"}, nil)
	eventWaitDesc = prometheus.NewDesc("clave_event_oldest_pending_seconds",
		"For how long an application has not been told of the security event that waits longest; absent: none waits.", []string{"event", "client_id"}, nil)
)

// Describe implements prometheus.Collector.
func (d deliveries) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{logoutsDesc, logoutWaitDesc, eventsDesc, eventWaitDesc} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. What the database does not say is left
// out, as with the outbox.
func (d deliveries) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	now := d.s.now()
	counts, err := d.s.db.DeliveryCounts(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return
	}
	for _, c := range counts {
		all, wait, labels := eventsDesc, eventWaitDesc, []string{storage.EventName(c.Event), c.ClientID}
		if c.Event == storage.BackchannelLogout {
			all, wait, labels = logoutsDesc, logoutWaitDesc, []string{c.ClientID}
		}
		ch <- prometheus.MustNewConstMetric(all, prometheus.GaugeValue, float64(c.Count), append(labels, c.State)...)
		if c.State == storage.DeliveryPending {
			ch <- prometheus.MustNewConstMetric(wait, prometheus.GaugeValue, max(0, now.Sub(c.OldestAt.Time).Seconds()), labels...)
		}
	}
}
