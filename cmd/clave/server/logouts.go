package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iess.gob.ec/clave/storage"
)

// countLogouts counts what becomes of each attempt to tell an application that a
// session has ended, and shows how the queue stands.
func (s *Server) countLogouts() func(clientID, result string) {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clave_logout_results_total",
		Help: "What became of attempts of this replica to tell an application of a logout: delivered, refused (400), failed (given up), cancelled, or put off (retry).",
	}, []string{"client_id", "result"})
	s.metrics.registry.MustRegister(results, logouts{s})
	return func(clientID, result string) { results.WithLabelValues(clientID, result).Inc() }
}

// logouts shows how the queue of logouts stands whenever somebody asks for the
// metrics.
type logouts struct{ s *Server }

var (
	deliveriesDesc = prometheus.NewDesc("clave_logout_deliveries",
		"Logouts to tell an application of: pending ones, and those of the last 24 hours by what became of them.", []string{"client_id", "state"}, nil)
	waitingDesc = prometheus.NewDesc("clave_logout_oldest_pending_seconds",
		"For how long an application has not been told of the logout that waits longest; absent: none waits.", []string{"client_id"}, nil)
)

// Describe implements prometheus.Collector.
func (l logouts) Describe(ch chan<- *prometheus.Desc) {
	ch <- deliveriesDesc
	ch <- waitingDesc
}

// Collect implements prometheus.Collector. What the database does not say is left
// out, as with the outbox.
func (l logouts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	now := l.s.now()
	counts, err := l.s.db.LogoutCounts(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return
	}
	for _, c := range counts {
		ch <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.GaugeValue, float64(c.Count), c.ClientID, c.State)
		if c.State == storage.LogoutPending {
			ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, max(0, now.Sub(c.OldestAt.Time).Seconds()), c.ClientID)
		}
	}
}
