package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
)

// mailWorker makes the worker that empties the outbox. Where no mail server is
// named there is none: messages wait, and the metrics show it.
func (s *Server) mailWorker() error {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clave_mail_results_total",
		Help: "What became of messages this replica took up: sent, failed, suppressed, expired, or put off by the server (retry) or by a broken connection (defer).",
	}, []string{"result"})
	s.metrics.registry.MustRegister(results, outbox{s})
	if s.cfg.Mail.SMTP.Host == "" {
		return nil
	}
	mc := s.cfg.Mail
	mc.Issuer, mc.DB, mc.Pages, mc.Now, mc.Log = s.cfg.Issuer, s.db, s.pages, s.now, s.log
	mc.Observe = func(result string) { results.WithLabelValues(result).Inc() }
	w, err := mail.New(mc)
	if err != nil {
		return err
	}
	s.mail = w
	return nil
}

// background runs jobs, mail and what applications are told until ctx is
// done, and returns when all have stopped.
func (s *Server) background(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { s.runJobs(ctx, s.jobs) })
	all.Go(func() { s.protocol.RunDeliveries(ctx) })
	if s.mail != nil {
		all.Go(func() { s.mail.Run(ctx) })
	}
	all.Wait()
}

// outbox shows how the outbox stands whenever somebody asks for the metrics.
type outbox struct{ s *Server }

// troubles are what may keep the mail server from taking anything (mail.Worker.Trouble).
var troubles = []string{"down", "tls", "auth", "sender", "broken", "refused"}

var (
	messagesDesc = prometheus.NewDesc("clave_mail_messages",
		"Messages in the outbox: pending ones, and those of the last 24 hours by what became of them.", []string{"state"}, nil)
	oldestDesc = prometheus.NewDesc("clave_mail_oldest_pending_seconds",
		"For how long the message has waited that has waited longest; 0: none is late.", nil, nil)
	troubleDesc = prometheus.NewDesc("clave_mail_trouble",
		"1 while the mail server takes nothing from this replica: down, tls (no valid certificate), auth, sender (it refuses smtp.from), broken, refused (several addresses, and it took nothing).",
		[]string{"class"}, nil)
)

// Describe implements prometheus.Collector.
func (o outbox) Describe(ch chan<- *prometheus.Desc) {
	ch <- messagesDesc
	ch <- oldestDesc
	ch <- troubleDesc
}

// Collect implements prometheus.Collector. What the database does not say is
// left out: the other metrics matter most then.
func (o outbox) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	if o.s.mail != nil {
		now := o.s.mail.Trouble()
		for _, class := range troubles {
			value := 0.0
			if class == now {
				value = 1
			}
			gauge(troubleDesc, value, class)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	now := o.s.now()
	states, err := o.s.db.MessageStates(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return
	}
	for _, state := range []string{
		storage.MessagePending, storage.MessageSent, storage.MessageFailed, storage.MessageSuppressed, storage.MessageExpired,
	} {
		gauge(messagesDesc, float64(states[state]), state)
	}
	since, err := o.s.db.OldestMessage(ctx, now)
	if err != nil {
		return
	}
	late := 0.0
	if !since.IsZero() {
		late = max(0, now.Sub(since.Time).Seconds())
	}
	gauge(oldestDesc, late)
}
