package storage

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// What can become of a Delivery.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered" // the application said that it has taken it
	DeliveryRefused   = "refused"   // it said that it does not take the token
	DeliveryFailed    = "failed"    // it did not answer in time, however often it was asked
	DeliveryCancelled = "cancelled" // it is disabled, or no longer takes such tokens
)

// DeliveryStates are those, in that order.
func DeliveryStates() []string {
	return []string{DeliveryPending, DeliveryDelivered, DeliveryRefused, DeliveryFailed, DeliveryCancelled}
}

// Delivery is one application to be told of one thing: that a session it had
// entered has ended (OpenID Connect Back-Channel Logout 1.0), or a security event
// (RFC 8417). It is queued in the transaction of the effect, and once only.
type Delivery struct {
	ID          string  `db:"id"`    // of a logout: the SID
	Event       string  `db:"event"` // BackchannelLogout or one of SecurityEvents
	Cause       string  `db:"cause"` // of a security event
	ClientID    string  `db:"client_id"`
	AfiliadoID  string  `db:"afiliado_id"`
	SID         string  `db:"sid"` // the application's own name of the session; "" where it is about none
	State       string  `db:"state"`
	Attempts    int     `db:"attempts"` // how often it was tried in vain
	NextAt      Instant `db:"next_at"`  // not before
	LeasedUntil Instant `db:"leased_until"`
	Lease       string  `db:"lease"`
	CreatedAt   Instant `db:"created_at"` // when it came about
	DoneAt      Instant `db:"done_at"`    // when it became what State says; zero while pending
	LastError   string  `db:"last_error"` // a class, never the application's own words
}

// queue is a table of deliveries: logouts and security events lie in one each, and
// are otherwise the same.
type queue struct {
	table, key string
	columns    string // as Delivery names them
	ready      string // of a delivery d that is due, beside its time
}

const queueColumns = `client_id, afiliado_id, sid, state, attempts, next_at, leased_until, lease, created_at, done_at, last_error`

func logoutQueue() queue {
	return queue{"logout_delivery", "sid", `sid AS id, '` + BackchannelLogout + `' AS event, '' AS cause, ` + queueColumns, ""}
}

// eventQueue keeps the order of what an account goes through: that comes after what
// came about before, once this is settled. An account that was enabled again is
// otherwise told of as disabled. Whatever else stands for itself, and waits for
// nothing: an application that cannot cope with one event hears of a hijacked
// account all the same.
func eventQueue() queue {
	const account = `.event IN ('` + AccountDisabled + `', '` + AccountEnabled + `')`
	return queue{"event_delivery", "id", `id, event, cause, ` + queueColumns, ` AND NOT EXISTS (SELECT 1 FROM event_delivery o
		WHERE o.client_id = d.client_id AND o.afiliado_id = d.afiliado_id AND o.state = 'pending' AND o.created_at < d.created_at
		AND o` + account + ` AND d` + account + `)`}
}

// eachQueue joins what f makes of both queues.
func eachQueue(f func(queue) string) string {
	return strings.Join([]string{f(logoutQueue()), f(eventQueue())}, ` UNION ALL `)
}

// DeliveryClients returns the applications for which a delivery is due at now.
func (r reads) DeliveryClients(ctx context.Context, now time.Time) ([]string, error) {
	var out []string
	due := eachQueue(func(q queue) string {
		return `SELECT d.client_id FROM ` + q.table + ` d WHERE d.state = 'pending' AND d.next_at <= ? AND d.leased_until <= ?` + q.ready
	})
	err := r.list(ctx, &out, `SELECT DISTINCT client_id FROM (`+due+`) due ORDER BY client_id`, At(now), At(now), At(now), At(now))
	if err != nil {
		return nil, fmt.Errorf("storage: delivery clients: %w", err)
	}
	return out, nil
}

// LeaseDeliveries takes up to n deliveries to an application that are due at now,
// until until, and returns them. No two callers hold the same one: who takes
// longer than until has lost it, and finds out when she settles it.
func (tx *Tx) LeaseDeliveries(ctx context.Context, clientID string, n int, now, until time.Time) ([]Delivery, error) {
	var out []Delivery
	for _, q := range []queue{logoutQueue(), eventQueue()} {
		var some []Delivery
		err := tx.list(ctx, &some, `WITH due AS (SELECT d.`+q.key+` FROM `+q.table+` d
			WHERE d.client_id = ? AND d.state = 'pending' AND d.next_at <= ? AND d.leased_until <= ?`+q.ready+` ORDER BY d.next_at LIMIT ?`+tx.db.dia.skip+`)
			UPDATE `+q.table+` SET leased_until = ?, lease = ? WHERE `+q.key+` IN (SELECT `+q.key+` FROM due) AND state = 'pending' RETURNING `+q.columns,
			clientID, At(now), At(now), n-len(out), At(until), NewID())
		if err != nil {
			return nil, fmt.Errorf("storage: lease deliveries: %w", err)
		}
		out = append(out, some...)
	}
	return out, nil
}

// settleDelivery changes a delivery that is still leased to whoever holds d;
// ErrConflict where it is not.
func (tx *Tx) settleDelivery(ctx context.Context, what string, d Delivery, set string, args ...any) error {
	q := eventQueue()
	if d.Event == BackchannelLogout {
		q = logoutQueue()
	}
	n, err := tx.exec(ctx, `UPDATE `+q.table+` SET lease = '', leased_until = 0, `+set+` WHERE `+q.key+` = ? AND lease = ? AND state = 'pending'`,
		append(args, d.ID, d.Lease)...)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("storage: %s delivery: %w", what, err)
	}
	return nil
}

// EndDelivery notes that a delivery became what state says, because of class ("":
// nothing is wrong).
func (tx *Tx) EndDelivery(ctx context.Context, d Delivery, state, class string, now time.Time) error {
	return tx.settleDelivery(ctx, "end", d, `state = ?, done_at = ?, last_error = ?`, state, At(now), class)
}

// RetryDelivery puts a delivery off until next because of class.
func (tx *Tx) RetryDelivery(ctx context.Context, d Delivery, class string, next time.Time) error {
	return tx.settleDelivery(ctx, "retry", d, `attempts = attempts + 1, next_at = ?, last_error = ?`, At(next), class)
}

// ReleaseDelivery gives a leased delivery back that was not tried to the end.
func (tx *Tx) ReleaseDelivery(ctx context.Context, d Delivery) error {
	return tx.settleDelivery(ctx, "release", d, `state = 'pending'`)
}

// ClientDeliveries lists the newest limit deliveries to an application.
func (r reads) ClientDeliveries(ctx context.Context, clientID string, limit int) ([]Delivery, error) {
	var out []Delivery
	all := eachQueue(func(q queue) string { return `SELECT ` + q.columns + ` FROM ` + q.table + ` WHERE client_id = ?` })
	err := r.list(ctx, &out, all+` ORDER BY created_at DESC, id LIMIT ?`, clientID, clientID, limit)
	if err != nil {
		return nil, fmt.Errorf("storage: deliveries of a client: %w", err)
	}
	return out, nil
}

// DeliveryCount is how many deliveries of an event to an application are in a
// state, and when the one came about that is longest past among them.
type DeliveryCount struct {
	ClientID string  `db:"client_id"`
	Event    string  `db:"event"`
	State    string  `db:"state"`
	Count    int64   `db:"n"`
	OldestAt Instant `db:"oldest"`
}

// DeliveryCounts counts the pending deliveries, and those done after since, by
// application, event and state.
func (r reads) DeliveryCounts(ctx context.Context, since time.Time) ([]DeliveryCount, error) {
	var out []DeliveryCount
	all := eachQueue(func(q queue) string {
		return `SELECT ` + q.columns + ` FROM ` + q.table + ` WHERE state = 'pending' OR done_at > ?`
	})
	err := r.list(ctx, &out, `SELECT client_id, event, state, COUNT(*) AS n, MIN(created_at) AS oldest FROM (`+all+`) d
		GROUP BY client_id, event, state ORDER BY client_id, event, state`, At(since), At(since))
	if err != nil {
		return nil, fmt.Errorf("storage: delivery counts: %w", err)
	}
	return out, nil
}
