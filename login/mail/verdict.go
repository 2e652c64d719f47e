package mail

import (
	"errors"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fate is what follows from a failed exchange.
type fate int

const (
	// fateWait: the server takes nothing now. All messages wait, none is blamed.
	fateWait fate = iota
	// fateReconnect: this connection is over, another may do.
	fateReconnect
	// fateDefer: the exchange broke over this message, which may even have been
	// taken. It waits a little, as it is, and others go on.
	fateDefer
	// fateRetry: the server does not want this message now (4xx).
	fateRetry
	// fateFail: it will never want it (5xx).
	fateFail
	// fateSuppress: the address takes no mail (550 and the like).
	fateSuppress
)

// verdict is the fate and its class: what stands in the outbox and the metrics.
type verdict struct {
	fate  fate
	class string
}

// judge says what follows from err at step s, on a connection that had carried a
// message before or not.
func judge(s step, err error, used bool) verdict {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		switch s {
		case stepConnect:
			return verdict{fateWait, "down"}
		case stepTLS:
			return verdict{fateWait, "tls"}
		case stepAuth:
			return verdict{fateWait, "auth"}
		case stepHello, stepSender:
			return again(used, "down")
		default:
			return verdict{fateDefer, "broken"}
		}
	}
	code := strconv.Itoa(reply.Code)
	temporary := reply.Code < 500
	switch s {
	case stepConnect, stepHello:
		return again(used, "down")
	case stepTLS:
		return verdict{fateWait, "tls"}
	case stepAuth:
		if temporary {
			return verdict{fateWait, "down"}
		}
		return verdict{fateWait, "auth"}
	}
	switch {
	case reply.Code == 421: // RFC 5321 section 3.8: it closes the connection
		return again(used, "down")
	case reply.Code == 530: // RFC 4954 section 6: authentication required
		return verdict{fateWait, "auth"}
	case s == stepSender:
		if temporary {
			return again(used, "down")
		}
		return verdict{fateWait, "sender"}
	case temporary:
		return verdict{fateRetry, code}
	}
	status := enhanced(reply.Msg)
	switch {
	case status == "5.1.7" || status == "5.1.8" || status == "" && blamesSender(reply.Msg):
		return verdict{fateRetry, "sender"}
	case s == stepAddress && strings.HasPrefix(status, "5.7."): // policy, relaying: ours to mend, not the address's fault
		return verdict{fateRetry, code}
	case slices.Contains(deadMailbox(), status), s == stepAddress && status == "" && reply.Code == 550:
		return verdict{fateSuppress, code}
	default:
		return verdict{fateFail, code}
	}
}

// again is for what a fresh connection may not suffer from.
func again(used bool, class string) verdict {
	if used {
		return verdict{fateReconnect, class}
	}
	return verdict{fateWait, class}
}

// final reports whether the server said never (5xx), to whomever it meant that.
func (v verdict) final() bool { return v.class == "sender" || strings.HasPrefix(v.class, "5") }

// deadMailbox are the enhanced status codes of an address that takes no mail
// (RFC 3463 section 3.2; 5.1.10 is of RFC 7505). Those of the sender's address,
// 5.1.7 and 5.1.8, are not among them.
func deadMailbox() []string { return []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"} }

// enhanced is the enhanced status code that a reply's text begins with (RFC
// 2034), "" where there is none.
func enhanced(text string) string {
	first, _, _ := strings.Cut(text, " ")
	parts := strings.Split(first, ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 10); err != nil {
			return ""
		}
	}
	return first
}

// blamesSender reports whether a reply without an enhanced status code speaks of
// us: servers that say "550 sender rejected" or "550 relaying denied" must not
// cost their recipients a month of notices.
func blamesSender(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "sender") || strings.Contains(text, "relay")
}

const (
	// giveUp is how long a message is tried (RFC 5321 section 4.5.4.1).
	giveUp = 5 * 24 * time.Hour
	// suppressFor is how long an address is left alone that takes no mail: servers
	// are mended, and notices matter.
	suppressFor = 30 * 24 * time.Hour
	// deferFor is how long a message waits over which a connection broke.
	deferFor = time.Minute
	// leastLife is what a link must have left when it is handed over; less is as
	// good as dead.
	leastLife = time.Minute
)

// putOff is how long a message waits after so many attempts (from 1), being so
// old. A relay that says "later" to everybody cannot be told from many greylists,
// so for a day each message comes back in time to arrive within five minutes of
// the relay's return (FT-07).
func putOff(attempts int, age time.Duration) time.Duration {
	longest := 4 * time.Minute
	if age > 24*time.Hour {
		longest = 30 * time.Minute
	}
	return min(30*time.Second<<min(attempts-1, 10), longest)
}

// waitFor is how long everything waits after the server took nothing so many
// times in a row (from 1).
func waitFor(times int) time.Duration {
	return min(time.Second<<min(times-1, 10), 30*time.Second)
}
