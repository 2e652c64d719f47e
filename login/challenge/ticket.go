package challenge

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

// maxTyped bounds what a ticket carries across a refresh, in bytes, and maxTicket
// what is parsed of one.
const (
	maxTyped  = 64
	maxTicket = 1 << 10
)

// ticket counts once it has been held for a while. It is sealed with the purpose
// and the browser as its context: it opens nowhere else.
type ticket struct {
	ID     string
	Issued int64         // unix milliseconds
	Wait   time.Duration // from then on
	Typed  string        `json:",omitempty"`
}

func newTicket(now time.Time, wait time.Duration) ticket {
	return ticket{ID: rand.Text(), Issued: now.UnixMilli(), Wait: max(wait, 0)}
}

// left is how long t has still to be held, where at least due is asked.
func (t ticket) left(now time.Time, due time.Duration) time.Duration {
	return max(time.UnixMilli(t.Issued).Add(max(t.Wait, due)).Sub(now), 0)
}

func (t ticket) expires() time.Time { return time.UnixMilli(t.Issued).Add(Life) }

func (t ticket) expired(now time.Time) bool { return !now.Before(t.expires()) }

// waited reads a ticket. Its error is ErrUnsolved.
func (c *Challenge) waited(sealed string, f Form, due Cost, now time.Time) (answer, error) {
	t, err := c.open(sealed, f)
	if err != nil {
		return answer{}, err
	}
	a := answer{id: "ticket " + t.ID, expires: t.expires()}
	if left := t.left(now, due.Wait); left > 0 {
		a.cause = &NotYet{Wait: left}
	}
	return a, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("challenge: cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("challenge: cipher: %w", err)
	}
	return aead, nil
}

// context is what a ticket is sealed for.
func (f Form) context() []byte { return []byte(f.Purpose + "\x00" + f.Browser) }

func (c *Challenge) seal(t ticket, f Form) (string, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("challenge: ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(c.tickets.Seal(nil, nil, b, f.context())), nil
}

func (c *Challenge) open(sealed string, f Form) (ticket, error) {
	if len(sealed) > maxTicket {
		return ticket{}, ErrUnsolved
	}
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return ticket{}, ErrUnsolved
	}
	if b, err = c.tickets.Open(nil, nil, b, f.context()); err != nil {
		return ticket{}, ErrUnsolved
	}
	var t ticket
	if err := json.Unmarshal(b, &t); err != nil {
		return ticket{}, ErrUnsolved
	}
	return t, nil
}

// resumeAt is the address at which a GET shows the form again, with its ticket.
func resumeAt(path, sealed string) string {
	u, err := url.Parse(path)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	q := u.Query()
	q.Set(FieldTicket, sealed)
	u.RawQuery = q.Encode()
	return u.String()
}

// refresh is the value of a Refresh header (HTML, section 7.9).
func refresh(wait time.Duration, address string) string {
	return strconv.Itoa(int(math.Ceil(wait.Seconds()))) + ";url=" + address
}
