package storage_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func mailTo(a storage.Afiliado) storage.Message {
	return storage.Message{
		ID: storage.NewID(), AfiliadoID: a.ID, Template: "clave-cambiada", Recipient: a.Email, Locale: "es-EC",
		Data: json.RawMessage(`{"Name":"María"}`), Priority: storage.PriorityNotice, CreatedAt: storage.At(now),
	}
}

func enqueue(t testing.TB, db *storage.DB, m storage.Message) storage.Message {
	t.Helper()
	inTx(t, db, func(tx *storage.Tx) error { return tx.Enqueue(t.Context(), m) })
	return m
}

// lease is what a worker takes at at.
func lease(t testing.TB, db *storage.DB, n int, at time.Time) []storage.Message {
	t.Helper()
	out, err := db.LeaseMessages(t.Context(), n, at, at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func message(t testing.TB, db *storage.DB, id string) storage.Message {
	t.Helper()
	m, err := db.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// Sixteen workers empty the outbox: each message is marked sent by one of them,
// and never is one held by two.
func TestFT07_OneWorkerHoldsAMessage(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		const messages = 200
		inTx(t, db, func(tx *storage.Tx) error {
			for range messages {
				if err := tx.Enqueue(t.Context(), mailTo(a)); err != nil {
					return err
				}
			}
			return nil
		})
		var mu sync.Mutex
		held := map[string]int{}
		parallel(t, 16, func(ctx context.Context, _ int) (bool, error) {
			for empty := 0; empty < 3; {
				batch, err := db.LeaseMessages(ctx, 7, now, now.Add(time.Minute))
				if err != nil {
					return false, err
				}
				if len(batch) == 0 {
					empty++ // what another one holds is skipped, not waited for
				}
				for _, m := range batch {
					mu.Lock()
					held[m.ID]++
					mu.Unlock()
					if err := db.InTx(ctx, func(tx *storage.Tx) error { return tx.MarkSent(ctx, m, "hash", now) }); err != nil {
						return false, err
					}
				}
			}
			return true, nil
		})
		for id, n := range held {
			if n != 1 {
				t.Errorf("message %s was held %d times", id, n)
			}
		}
		if sent := count(t, raw, `SELECT COUNT(*) FROM outbox WHERE state = 'sent'`); sent != messages || len(held) != messages {
			t.Errorf("%d sent, %d held, want %d", sent, len(held), messages)
		}
	})
}

// Who has lost her lease marks nothing, and a worker that died is succeeded.
func TestFT07_ALostLeaseMarksNothing(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		m := enqueue(t, db, mailTo(person(t, db, "1759999913")))
		first := lease(t, db, 10, now)
		if len(first) != 1 || first[0].ID != m.ID || len(lease(t, db, 10, now.Add(59*time.Second))) != 0 {
			t.Fatalf("got %+v, want it held by one for a minute", first)
		}
		second := lease(t, db, 10, now.Add(time.Minute))
		if len(second) != 1 {
			t.Fatal("nobody takes over")
		}
		for name, mark := range map[string]func(*storage.Tx, storage.Message) error{
			"sent":     func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(t.Context(), m, "h", now) },
			"retry":    func(tx *storage.Tx, m storage.Message) error { return tx.RetryMessage(t.Context(), m, "451", now) },
			"defer":    func(tx *storage.Tx, m storage.Message) error { return tx.DeferMessage(t.Context(), m, "down", now) },
			"fail":     func(tx *storage.Tx, m storage.Message) error { return tx.FailMessage(t.Context(), m, "550", now) },
			"suppress": func(tx *storage.Tx, m storage.Message) error { return tx.SuppressMessage(t.Context(), m, now) },
			"expire":   func(tx *storage.Tx, m storage.Message) error { return tx.ExpireMessage(t.Context(), m, now) },
			"compose":  func(tx *storage.Tx, m storage.Message) error { return tx.ComposeMessage(t.Context(), m, now) },
		} {
			if err := db.InTx(t.Context(), func(tx *storage.Tx) error { return mark(tx, first[0]) }); !errors.Is(err, storage.ErrConflict) {
				t.Errorf("%s without the lease: got %v, want ErrConflict", name, err)
			}
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.MarkSent(t.Context(), second[0], "h", now) })
		err := db.InTx(t.Context(), func(tx *storage.Tx) error { return tx.MarkSent(t.Context(), second[0], "h", now) })
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("marked twice: got %v, want ErrConflict", err)
		}
		if len(lease(t, db, 10, now.Add(time.Hour))) != 0 {
			t.Error("a sent message is leased")
		}
	})
}

func TestMessagesComeInOrder(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		var want []string
		for i, m := range []struct {
			priority int
			after    time.Duration
		}{{storage.PriorityReminder, 0}, {storage.PriorityNotice, time.Second}, {storage.PriorityNotice, 0}, {storage.PriorityAwaited, time.Minute}, {storage.PriorityAwaited, time.Hour}} {
			next := mailTo(a)
			next.ID, next.Priority, next.NextAt = fmt.Sprint(i), m.priority, storage.At(now.Add(m.after))
			enqueue(t, db, next)
		}
		for _, m := range lease(t, db, 3, now.Add(time.Minute)) {
			want = append(want, m.ID)
		}
		for _, m := range lease(t, db, 3, now.Add(time.Minute)) {
			want = append(want, m.ID)
		}
		if !slices.Equal(want, []string{"3", "2", "1", "0"}) {
			t.Errorf("got %q, want who waits first, then notices, then reminders, and nothing early", want)
		}
	})
}

// What is put off comes back in its time; only what is the message's own fault
// counts; what may have been taken keeps its date.
func TestFT07_PutOff(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		m := enqueue(t, db, mailTo(person(t, db, "1759999913")))
		at := now
		step := func(what string, f func(*storage.Tx, storage.Message) error) storage.Message {
			t.Helper()
			batch := lease(t, db, 1, at)
			if len(batch) != 1 {
				t.Fatalf("before %s: nothing to lease", what)
			}
			inTx(t, db, func(tx *storage.Tx) error {
				if err := tx.ComposeMessage(t.Context(), batch[0], at); err != nil {
					return err
				}
				return f(tx, batch[0])
			})
			return message(t, db, m.ID)
		}
		got := step("defer", func(tx *storage.Tx, m storage.Message) error {
			return tx.DeferMessage(t.Context(), m, "broken", at.Add(time.Minute))
		})
		if got.Attempts != 0 || !got.ComposedAt.Equal(now) || got.LastError != "broken" {
			t.Errorf("deferred: got %+v, want no attempt counted and the date kept", got)
		}
		if len(lease(t, db, 1, at.Add(59*time.Second))) != 0 {
			t.Error("it came back early")
		}
		at = at.Add(time.Minute)
		got = step("retry", func(tx *storage.Tx, m storage.Message) error {
			return tx.RetryMessage(t.Context(), m, "451", at.Add(time.Minute))
		})
		if got.Attempts != 1 || !got.ComposedAt.IsZero() || got.LastError != "451" || got.State != storage.MessagePending {
			t.Errorf("retried: got %+v, want an attempt counted and a new date next time", got)
		}
		at = at.Add(time.Minute)
		batch := lease(t, db, 1, at)
		inTx(t, db, func(tx *storage.Tx) error { return tx.ReleaseMessages(t.Context(), batch[0].Lease) })
		if again := lease(t, db, 1, at); len(again) != 1 || again[0].Attempts != 1 {
			t.Errorf("released: got %+v, want it at once and nothing counted", again)
		}
	})
}

// Nothing of a mail stays once it is done, but what it was, where it went and
// the hash of its text.
func TestASVS_14_2_7_DoneMessagesHaveNoBody(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		ends := map[string]func(*storage.Tx, storage.Message) error{
			storage.MessageSent:       func(tx *storage.Tx, m storage.Message) error { return tx.MarkSent(t.Context(), m, "hash", now) },
			storage.MessageFailed:     func(tx *storage.Tx, m storage.Message) error { return tx.FailMessage(t.Context(), m, "554", now) },
			storage.MessageSuppressed: func(tx *storage.Tx, m storage.Message) error { return tx.SuppressMessage(t.Context(), m, now) },
			storage.MessageExpired:    func(tx *storage.Tx, m storage.Message) error { return tx.ExpireMessage(t.Context(), m, now) },
		}
		for state, end := range ends {
			m := enqueue(t, db, mailTo(a))
			leased := lease(t, db, 1, now)[0]
			inTx(t, db, func(tx *storage.Tx) error { return end(tx, leased) })
			got := message(t, db, m.ID)
			if got.State != state || got.DoneAt.IsZero() || len(got.Data) != 0 || got.Recipient != a.Email || got.Template != m.Template {
				t.Errorf("%s: got %+v", state, got)
			}
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM outbox WHERE data IS NOT NULL`); n != 0 {
			t.Errorf("%d messages keep their data", n)
		}
		states, err := db.MessageStates(t.Context(), now.Add(-time.Hour))
		if err != nil || len(states) != len(ends) || states[storage.MessageSent] != 1 {
			t.Errorf("got %v, %v; want one of each", states, err)
		}
		if n, err := db.Purge(t.Context(), now.Add(90*24*time.Hour-time.Second), 2); err != nil || n != 0 {
			t.Errorf("purged %d, %v; want them kept for ninety days", n, err)
		}
		if n, err := db.Purge(t.Context(), now.Add(90*24*time.Hour), 2); err != nil || n != int64(len(ends)) {
			t.Errorf("purged %d, %v; want %d", n, err, len(ends))
		}
	})
}

// One mail, one recipient, whatever somebody wrote into an address.
func TestASVS_1_3_11_T26_RecipientsAreOneAddress(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		inTx(t, db, func(tx *storage.Tx) error {
			for _, address := range []string{
				"", "maria@example.org\r\nBcc: eva@example.org", "maria@example.org\nX: y", "maria@example.org, eva@example.org",
				"<maria@example.org>", "María <maria@example.org>", "maria@localhost", "maria@example.org\x00", "maria", "\"a b\"@example.org",
			} {
				m := mailTo(a)
				m.Recipient = address
				if err := tx.Enqueue(t.Context(), m); !errors.Is(err, storage.ErrEmail) {
					t.Errorf("%q: got %v, want ErrEmail", address, err)
				}
			}
			return tx.Enqueue(t.Context(), mailTo(a)) // and the transaction goes on
		})
		if n := count(t, raw, `SELECT COUNT(*) FROM outbox`); n != 1 {
			t.Errorf("%d messages, want one", n)
		}
	})
}

func TestMessagesAreCounted(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a, b := person(t, db, "1759999913"), person(t, db, "0959999913") // they share a mailbox
		first := mailTo(a)
		first.NextAt = storage.At(now.Add(5 * time.Minute))
		enqueue(t, db, first)
		enqueue(t, db, mailTo(b))
		other := mailTo(a)
		other.Template = "clave-bloqueada"
		enqueue(t, db, other)
		check := func(since time.Time, wantPerson, wantAddress int) {
			t.Helper()
			person, address, err := db.CountMessages(t.Context(), a.ID, "MARIA@example.org", "clave-cambiada", since)
			if err != nil || person != wantPerson || address != wantAddress {
				t.Errorf("got %d, %d, %v; want %d, %d", person, address, err, wantPerson, wantAddress)
			}
		}
		check(now.Add(-time.Minute), 1, 2)
		check(now, 0, 0)
	})
}

// A message that does not open is leased beside the others, and says why.
func TestADamagedMessageHoldsUpNoOther(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a := person(t, db, "1759999913")
		bad := enqueue(t, db, mailTo(a))
		good := enqueue(t, db, mailTo(a))
		must(t, raw, `UPDATE outbox SET data = recipient_mac WHERE id = '`+bad.ID+`'`)
		seen := 0
		for _, m := range lease(t, db, 10, now) {
			if seen++; (m.Sealed != nil) != (m.ID == bad.ID) || m.ID == bad.ID && (m.Lease == "" || m.Recipient != "") || m.ID == good.ID && m.Recipient != a.Email {
				t.Errorf("got %+v", m)
			}
		}
		if seen != 2 {
			t.Errorf("leased %d, want both", seen)
		}
	})
}

// What a link was sent with is found without opening anything.
func TestNoticeOfALink(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		a, ctx := person(t, db, "1759999913"), t.Context()
		link := storage.Link{ID: "link", AfiliadoID: a.ID}
		if m, err := db.NoticeOf(ctx, link); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v; want none", m, err)
		}
		for i, id := range []string{"link", "link", "other"} {
			m := mailTo(a)
			m.ID, m.LinkID, m.CreatedAt = fmt.Sprint(i), id, storage.At(now.Add(time.Duration(i)*time.Minute))
			enqueue(t, db, m)
		}
		must(t, raw, `UPDATE outbox SET data = recipient_mac`)
		if m, err := db.NoticeOf(ctx, link); err != nil || m.ID != "1" || m.Template != "clave-cambiada" || m.AfiliadoID != a.ID || m.Recipient != "" {
			t.Errorf("got %+v, %v; want the newest, closed", m, err)
		}
	})
}

func TestOldestMessage(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		check := func(what string, want time.Time) {
			t.Helper()
			got, err := db.OldestMessage(t.Context(), now)
			if err != nil || !got.Equal(want) {
				t.Errorf("%s: got %v, %v; want %v", what, got, err, want)
			}
		}
		check("none", time.Time{})
		m := mailTo(person(t, db, "1759999913"))
		m.CreatedAt, m.NextAt = storage.At(now.Add(-time.Hour)), storage.At(now.Add(time.Minute))
		enqueue(t, db, m)
		check("not due", time.Time{})
		batch, err := db.LeaseMessages(t.Context(), 1, now.Add(time.Minute), now.Add(2*time.Minute))
		if err != nil || len(batch) != 1 {
			t.Fatal(err)
		}
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.RetryMessage(t.Context(), batch[0], "451", now.Add(time.Hour))
		})
		check("tried in vain", now.Add(-time.Hour))
	})
}

func TestSuppressedAddresses(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		m := enqueue(t, db, mailTo(a))
		inTx(t, db, func(tx *storage.Tx) error {
			return tx.SuppressAddress(t.Context(), "Maria@Example.org", "550", now, now.Add(time.Hour))
		})
		if s, err := db.Suppressed(t.Context(), a.Email, now); err != nil || s.Reason != "550" || !s.CreatedAt.Equal(now) {
			t.Errorf("got %+v, %v; want it suppressed", s, err)
		}
		if batch := lease(t, db, 1, now); len(batch) != 1 || !batch[0].Suppressed {
			t.Errorf("got %+v, want the worker told", batch)
		}
		if s, err := db.Suppressed(t.Context(), a.Email, now.Add(time.Hour)); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v; want it over", s, err)
		}
		if batch := lease(t, db, 1, now.Add(2*time.Hour)); len(batch) != 1 || batch[0].Suppressed || batch[0].ID != m.ID {
			t.Errorf("got %+v, want it to be sent", batch)
		}
		inTx(t, db, func(tx *storage.Tx) error { return tx.AllowAddress(t.Context(), a.Email) })
		if s, err := db.Suppressed(t.Context(), a.Email, now); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got %+v, %v; want it allowed", s, err)
		}
	})
}
