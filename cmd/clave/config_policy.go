package main

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/templates"
)

// linkCap is how long a link may live at the most, counted from the request
// (D06).
const linkCap = time.Hour

// unlocking is what an operator may change of the way back after a lock, and of
// the notices.
func (c *config) unlocking() []option {
	return []option{
		{
			key: "unlock.ways", shape: list, preset: joinWays(templates.Ways(), ","), set: ways(&c.Unlock.Ways),
			doc: "The ways back from a lock that people have and are told of (D04); [] for none, where login.lock_expires is set.",
		},
		{
			key: "unlock.link_life", preset: "3m", set: span(&c.Unlock.Life, time.Minute, linkCap, false),
			doc: "How long a link that unlocks lives from its hand-over to the mail server (D05, D06); never beyond 60m from the request.",
		},
		{
			key: "unlock.limit", preset: "3", set: number(&c.Unlock.Limit, 1, 20),
			doc: "How many such links a person gets within unlock.window (D06); each new one kills the one before. So with links to a new clave.",
		},
		{
			key: "unlock.window", preset: "15m", set: span(&c.Unlock.Window, time.Minute, day, false),
			doc: "The time in which links that unlock, and links to a new clave, are counted.",
		},
		{
			key: "unlock.fingerprint", preset: "true", set: truth(&c.Unlock.Fingerprint),
			doc: "Whether only people whose data were registered with fingerprint unlock by mail (D20); the others are told the assisted ways.",
		},
		{
			key: "notices.new_device_wait", preset: "5m", set: span(&c.Notices.NewDeviceWait, time.Second, time.Hour, false),
			doc: "How long the notice of a new device waits, so that one message tells what follows too.",
		},
	}
}

// pressing is what an operator may change of how failures press on strangers.
func (c *config) pressing() []option {
	return []option{
		{
			key: "pressure.alarm_times", preset: "3", set: number(&c.Pressure.AlarmTimes, 0, 100),
			doc: "From how many times the usual failures a minute, at all replicas, strangers answer a challenge everywhere (T02); 0: never.",
		},
		{
			key: "pressure.alarm_least", preset: "100", set: number(&c.Pressure.AlarmLeast, 10, 1_000_000),
			doc: "However few failures are usual, fewer than so many a minute raise no alarm.",
		},
	}
}

// alarm is when so many sign-ins fail that strangers answer a challenge.
func (c *config) alarm() login.Alarm {
	a := login.DefaultAlarm()
	a.Times, a.Least = c.Pressure.AlarmTimes, c.Pressure.AlarmLeast
	return a
}

// lockout is how many wrong claves lock, and for how long.
func (c *config) lockout() login.Lockout {
	return login.Lockout{Attempts: c.Login.Attempts, Expires: c.Login.LockExpires}
}

// renewal is when a clave has to be renewed.
func (c *config) renewal() login.Renewal {
	return login.Renewal{MaxAge: c.Clave.MaxAge, Waiver: c.Clave.Waiver, Passkey: c.Clave.WaivePasskey, Spread: c.Clave.Spread}
}

func (c *config) hashing() []option {
	return []option{
		{
			key: "hash.memory", preset: "19456", set: number32(&c.Hash.Memory, 7168, 1<<20),
			doc: "Argon2id: KiB of memory for each clave.",
		},
		{
			key: "hash.passes", preset: "2", set: number32(&c.Hash.Passes, 1, 16),
			doc: "Argon2id: passes over it.",
		},
		{
			key: "hash.lanes", preset: "1", set: number8(&c.Hash.Lanes, 1, 16),
			doc: "Argon2id: parallel lanes.",
		},
		{
			key: "hash.slots", preset: "0", set: number(&c.Hash.Slots, 0, 256),
			doc: "How many claves are hashed at once; 0: one less than there are cores, at least one.",
		},
		{
			key: "hash.queue", preset: "64", set: number(&c.Hash.Queue, 1, 10000),
			doc: "How many may wait for a slot before the answer is 503.",
		},
		{
			key: "hash.wait", preset: "5s", set: span(&c.Hash.Wait, 100*time.Millisecond, 10*time.Second, false),
			doc: "How long each of them waits at most.",
		},
	}
}

func (c *config) contacting() []option {
	return []option{
		{
			key: "contact.phone", example: "+593 2 394 5666", set: text(&c.Contact.Phone),
			doc: "The telephone of Atención al Ciudadano, as people read it.",
		},
		{
			key: "contact.channels", shape: pairs, example: "turno=https://turnos.iess.gob.ec", set: c.channels,
			doc: "Assisted ways with an address: video, turno, formulario, ventanilla.",
		},
		{
			key: "contact.controller_address", example: "Av. 10 de Agosto N22-45, Quito", set: text(&c.Contact.Controller.Address),
			doc: "The controller in the privacy notice (LOPDP art. 12): its address.",
		},
		{
			key: "contact.controller_email", example: "datos@iess.gob.ec", set: mailbox(&c.Contact.Controller.Email),
			doc: "Its mailbox.",
		},
		{
			key: "contact.delegate_address", example: "Av. 10 de Agosto N22-45, Quito", set: text(&c.Contact.Delegate.Address),
			doc: "The delegate for data protection: the address.",
		},
		{
			key: "contact.delegate_email", example: "delegado@iess.gob.ec", set: mailbox(&c.Contact.Delegate.Email),
			doc: "The mailbox.",
		},
	}
}

// kinds of assisted ways the pages have words for.
var channelKinds = []string{"video", "turno", "formulario", "ventanilla"}

// ways reads which ways back from a lock there are.
func ways(to *[]templates.Way) setter {
	return func(e entry) []fault {
		var all []fault
		for _, s := range e.list {
			w := templates.Way(s)
			switch {
			case !slices.Contains(templates.Ways(), w):
				all = append(all, wrong("write some of "+joinWays(templates.Ways(), ", "), "%q is no way back from a lock", clip(s))...)
			case slices.Contains(*to, w):
				all = append(all, wrong("write each way once", "%q is written twice", clip(s))...)
			default:
				*to = append(*to, w)
			}
		}
		return all
	}
}

func joinWays(all []templates.Way, by string) string {
	var out []string
	for _, w := range all {
		out = append(out, string(w))
	}
	return strings.Join(out, by)
}

// without are the ways back from a lock that there are not.
func (c *config) without() []templates.Way {
	return slices.DeleteFunc(templates.Ways(), func(w templates.Way) bool { return slices.Contains(c.Unlock.Ways, w) })
}

func (c *config) channels(e entry) []fault {
	var all []fault
	for _, p := range e.pairs {
		u, err := url.Parse(p.value)
		switch {
		case !slices.Contains(channelKinds, p.key):
			all = append(all, fault{p.where, p.key + " is no assisted way", "write one of " + strings.Join(channelKinds, ", ")})
		case err != nil || u.Scheme != "https" || u.Host == "":
			all = append(all, fault{p.where, p.key + ": is not an https address", "write https://…"})
		default:
			c.Contact.Channels = append(c.Contact.Channels, p)
		}
	}
	return all
}
