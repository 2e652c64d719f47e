package templates

import (
	"net/http"
	"time"
)

// Messages is /cuenta/mensajes: what was mailed to a person, newest first, and what became of it. No link and no code
// of a mail has a place in it.
type Messages struct {
	Layout
	// Mailbox is the address on file, masked; empty says that there is none. Refused says that it takes no mail.
	Mailbox  string
	Refused  bool
	Messages []Sent
	Limit    int // how many are listed at most
}

func (Messages) name() string { return "messages" }

func (m Messages) path() string {
	if m.Path != "" {
		return m.Path
	}
	return "/cuenta/mensajes"
}

// Sent is one message that was mailed, or is about to be.
type Sent struct {
	Template string    // names its subject, as [Mail] does; an unknown one gets a general name
	When     time.Time // when it was written
	Address  string    // masked; empty where it cannot be told
	State    SentState
	Done     time.Time // when State came about; zero while it waits
}

// SentState is what became of a message.
type SentState string

// The states of a message.
const (
	SentWaiting   SentState = "waiting"   // it has not been tried
	SentDelayed   SentState = "delayed"   // it was tried in vain and will be again
	SentDelivered SentState = "delivered" // the mail server took it
	SentRefused   SentState = "refused"   // its address takes no mail
	SentFailed    SentState = "failed"    // given up for another reason
	SentExpired   SentState = "expired"   // it was of no use any more
)

// Tone is how the state is marked: good, warn, wrong or not at all.
func (s Sent) Tone() string {
	switch s.State {
	case SentDelivered:
		return "good"
	case SentDelayed, SentExpired:
		return "warn"
	case SentRefused, SentFailed:
		return "wrong"
	default:
		return ""
	}
}

// SameDay reports whether State came about on the day it was written, in Guayaquil.
func (s Sent) SameDay() bool {
	return s.When.In(guayaquil()).Format(time.DateOnly) == s.Done.In(guayaquil()).Format(time.DateOnly)
}

// messagesStates are /cuenta/mensajes with messages in each state, and without any.
func messagesStates(in Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	page := Messages{Layout: in, Mailbox: "m•••e@c…", Limit: 20}
	all := page
	for i, s := range []SentState{SentWaiting, SentDelayed, SentDelivered, SentDelivered, SentRefused, SentFailed, SentExpired} {
		kinds := mailKinds()
		sent := Sent{Template: kinds[i%len(kinds)].template, When: when.Add(-time.Duration(i) * 9 * time.Hour), Address: page.Mailbox, State: s}
		if s != SentWaiting && s != SentDelayed {
			sent.Done = sent.When.Add(time.Minute).AddDate(0, 0, i-2)
		}
		all.Messages = append(all.Messages, sent)
	}
	all.Messages = append(all.Messages, Sent{Template: "de-antes", When: when.AddDate(0, -1, 0), State: SentDelivered, Done: when.AddDate(0, -1, 0)})
	full := page
	full.Limit, full.Messages = 3, all.Messages[1:4]
	refused := page
	refused.Refused = true
	refused.Messages = all.Messages[4:5]
	return []State{
		{"messages", ok, all},
		{"messages-full", ok, full},
		{"messages-empty", ok, page},
		{"messages-refused", ok, refused},
		{"messages-nomailbox", ok, Messages{Layout: in, Limit: 20}},
	}
}
