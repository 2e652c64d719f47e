package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// rightsWaiting are figures of what people asked about their data.
type rightsWaiting struct{ s *Server }

var (
	rightsDesc = prometheus.NewDesc("clave_rights_requests",
		"Requests about personal data that wait for an answer, by whether the time of the law is over (LOPDP arts. 13 to 17).", []string{"overdue"}, nil)
	rightsLeftDesc = prometheus.NewDesc("clave_rights_seconds_left",
		"Until when the law wants the most pressing of them answered, less than 0 once that is over; absent: none waits.", nil, nil)
)

// Describe implements prometheus.Collector.
func (rightsWaiting) Describe(ch chan<- *prometheus.Desc) {
	ch <- rightsDesc
	ch <- rightsLeftDesc
}

// Collect implements prometheus.Collector. What the database does not say is left
// out.
func (m rightsWaiting) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	now := m.s.now()
	waiting, err := m.s.db.RightsWaiting(ctx, now)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(rightsDesc, prometheus.GaugeValue, float64(waiting.Open-waiting.Overdue), "no")
	ch <- prometheus.MustNewConstMetric(rightsDesc, prometheus.GaugeValue, float64(waiting.Overdue), "yes")
	if !waiting.DueAt.IsZero() {
		ch <- prometheus.MustNewConstMetric(rightsLeftDesc, prometheus.GaugeValue, waiting.DueAt.Sub(now).Seconds())
	}
}
