package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// ending is what becomes of a message: what observers are told, and the note of
// it in the outbox.
type ending struct {
	result string
	note   func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error
}

func sent(hash string) *ending {
	return &ending{storage.MessageSent, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
		return tx.MarkSent(ctx, m, hash, now)
	}}
}

func expired() *ending {
	return &ending{storage.MessageExpired, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
		return tx.ExpireMessage(ctx, m, now)
	}}
}

func suppressed() *ending {
	return &ending{storage.MessageSuppressed, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
		return tx.SuppressMessage(ctx, m, now)
	}}
}

// ending is what follows from a verdict about one message.
func (w *Worker) ending(m storage.Message, v verdict) *ending {
	switch v.fate {
	case fateSuppress, fateFail:
		return &ending{storage.MessageFailed, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
			if err := tx.FailMessage(ctx, m, v.class, now); err != nil || v.fate == fateFail {
				return err
			}
			return tx.SuppressAddress(ctx, m.Recipient, v.class, now, now.Add(suppressFor))
		}}
	case fateRetry:
		return w.later("retry", v.class, m, putOff(m.Attempts+1, w.cfg.Now().Sub(m.CreatedAt.Time)), (*storage.Tx).RetryMessage)
	default:
		return w.later("defer", v.class, m, deferFor, (*storage.Tx).DeferMessage)
	}
}

type putter func(tx *storage.Tx, ctx context.Context, m storage.Message, class string, next time.Time) error

// later puts a message off, or gives it up where it has been tried long enough.
func (w *Worker) later(result, class string, m storage.Message, wait time.Duration, put putter) *ending {
	if w.cfg.Now().Add(wait).Sub(m.CreatedAt.Time) > giveUp {
		return &ending{storage.MessageFailed, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
			return tx.FailMessage(ctx, m, class, now)
		}}
	}
	return &ending{result, func(ctx context.Context, tx *storage.Tx, m storage.Message, now time.Time) error {
		return put(tx, ctx, m, class, now.Add(wait))
	}}
}

// settle notes an ending, also while the program stops: what the server said is
// so. A lease that was lost meanwhile is another worker's; that is logged, since
// a message may then have gone twice.
func (w *Worker) settle(ctx context.Context, m storage.Message, e *ending) error {
	done := context.WithoutCancel(ctx)
	err := w.cfg.DB.InTx(done, func(tx *storage.Tx) error { return e.note(done, tx, m, w.cfg.Now()) })
	if errors.Is(err, storage.ErrConflict) {
		w.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "mail lease was lost", slog.String("message", m.ID), slog.String("result", e.result))
		return nil
	}
	if err != nil {
		return fmt.Errorf("mail: note %s: %w", e.result, err)
	}
	w.cfg.Observe(e.result)
	if e.result == storage.MessageFailed {
		w.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "mail failed", slog.String("message", m.ID), slog.String("template", m.Template))
	}
	return nil
}

// prepare puts a message into bytes, or says how it ends without being sent.
func (w *Worker) prepare(ctx context.Context, m storage.Message) ([]byte, *ending, error) {
	now := w.cfg.Now()
	switch {
	case m.ExpiresAt.Past(now):
		return nil, expired(), nil
	case m.Suppressed:
		return nil, suppressed(), nil
	case m.Sealed != nil: // a key may come back
		return nil, w.unreadable(ctx, m, "sealed", m.Sealed), nil
	}
	content, err := templates.DecodeMail(m.Template, m.Data)
	if err != nil {
		return nil, w.unreadable(ctx, m, "template", err), nil
	}
	l := letter{id: m.ID, to: m.Recipient, lang: m.Locale, date: m.CreatedAt.Time}
	if !slices.Contains(templates.Languages(), l.lang) {
		l.lang = templates.Languages()[0]
	}
	if m.LinkID != "" {
		link, err := w.cfg.DB.Link(ctx, m.LinkID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, nil, err
		}
		links, date, err := w.mint(ctx, m, link, now)
		switch {
		case err != nil:
			return nil, nil, err
		case links == nil:
			return nil, expired(), nil
		}
		l.date, content = date, templates.Minted(content, *links)
	}
	l.mail = templates.WithImage(content, m.Image)
	text, err := w.writer.write(l)
	if err != nil {
		return nil, w.unreadable(ctx, m, "template", err), nil
	}
	return text, nil, nil
}

// unreadable puts a message off that this program cannot put into words; the
// next one may.
func (w *Worker) unreadable(ctx context.Context, m storage.Message, class string, err error) *ending {
	w.cfg.Log.LogAttrs(ctx, slog.LevelError, "mail cannot be written", slog.String("message", m.ID), slog.String("template", m.Template),
		slog.String("cause", err.Error()))
	return w.ending(m, verdict{fateRetry, class})
}

// mint returns the links of a mail and its date; no links where the mail is of
// no use without one that is dead (T12). A notice is always of use.
func (w *Worker) mint(ctx context.Context, m storage.Message, link *storage.Link, now time.Time) (*templates.Links, time.Time, error) {
	live := link != nil && link.Live(now)
	if link != nil && link.Purpose == storage.LinkNoFuiYo {
		if !live {
			return &templates.Links{}, m.CreatedAt.Time, nil
		}
		return &templates.Links{Disavow: w.url(link)}, m.CreatedAt.Time, nil
	}
	if link != nil && link.Purpose == storage.LinkCorreoViejo {
		return w.mintChange(ctx, m, link, live, now)
	}
	if !live || link.LatestAt.Sub(now) < leastLife {
		return nil, time.Time{}, nil
	}
	// The clock of the link starts when it is handed over (D06), so the mail says
	// until when at least it lives. A mail that may have gone already is repeated
	// as it was, unless that time has come.
	date := m.ComposedAt.Time
	if date.IsZero() || until(link, date).Sub(now) < leastLife {
		date = now.UTC().Truncate(time.Microsecond)
		err := w.cfg.DB.InTx(ctx, func(tx *storage.Tx) error { return tx.ComposeMessage(ctx, m, date) })
		if err != nil {
			return nil, time.Time{}, err
		}
	}
	return &templates.Links{URL: w.url(link), Code: w.cfg.DB.LinkCode(link.ID), Until: until(link, date)}, date, nil
}

// mintChange returns the links of the notice of another address: the one that
// approves it, while that lives, and "No fui yo".
func (w *Worker) mintChange(ctx context.Context, m storage.Message, link *storage.Link, live bool, now time.Time) (*templates.Links, time.Time, error) {
	links := &templates.Links{}
	if live {
		links.URL = w.url(link)
	}
	disavow, err := w.cfg.DB.LiveLink(ctx, storage.LinkNoFuiYo, link.AfiliadoID, now)
	if err == nil {
		links.Disavow = w.url(disavow)
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, time.Time{}, err
	}
	return links, m.CreatedAt.Time, nil
}

// until is when a link handed over at t ends.
func until(link *storage.Link, t time.Time) time.Time {
	if end := t.Add(link.Life); end.Before(link.LatestAt.Time) {
		return end
	}
	return link.LatestAt.Time
}

// url is made of the issuer alone, whatever a request said its host was (T16).
func (w *Worker) url(link *storage.Link) string {
	return strings.TrimSuffix(w.cfg.Issuer, "/") + "/enlace/" + w.cfg.DB.LinkToken(link.ID)
}
