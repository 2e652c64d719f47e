package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
)

// keysEvery is how often the signing keys are looked after: within a tenth of their
// life, where that is short, each is replaced.
func (s *Server) keysEvery() time.Duration {
	every := time.Minute
	if life := s.protocol.KeyTimes().Life; life > 0 {
		every = max(min(every, life/10), time.Second)
	}
	return every
}

// signingKeys shows how old the keys are that sign, whenever somebody asks for the
// metrics.
type signingKeys struct{ s *Server }

var (
	keyAgeDesc = prometheus.NewDesc("clave_signing_key_age_seconds",
		"For how long the active key has signed.", []string{"alg"}, nil)
	keyOverdueDesc = prometheus.NewDesc("clave_signing_key_overdue_seconds",
		"For how long the active key should have been replaced by the next one; 0: it is not due. Absent: keys are rotated by hand.", []string{"alg"}, nil)
)

// Describe implements prometheus.Collector.
func (k signingKeys) Describe(ch chan<- *prometheus.Desc) {
	ch <- keyAgeDesc
	ch <- keyOverdueDesc
}

// Collect implements prometheus.Collector. What the database does not say is left
// out, as with the outbox.
func (k signingKeys) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	all, err := provider.Keys(ctx, k.s.db)
	if err != nil {
		return
	}
	now, times := k.s.now(), k.s.protocol.KeyTimes()
	for _, key := range all {
		if key.State != storage.KeyActive {
			continue
		}
		ch <- prometheus.MustNewConstMetric(keyAgeDesc, prometheus.GaugeValue, now.Sub(key.ActivatedAt).Seconds(), key.Alg)
		if times.Life > 0 { // without a next key, since it should have been followed
			due := times.Until(key, all)
			if due.IsZero() {
				due = key.ActivatedAt.Add(times.Life)
			}
			ch <- prometheus.MustNewConstMetric(keyOverdueDesc, prometheus.GaugeValue, max(0, now.Sub(due).Seconds()), key.Alg)
		}
	}
}
