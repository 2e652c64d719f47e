package templates

import (
	"net/http"
	"time"
)

// Keys is /cuenta/llaves: a person's passkeys. Its forms post agregar to /cuenta/llaves/agregar, conservar and cual to
// /cuenta/llaves/conservar, ofrecer to /cuenta/llaves/oferta.
type Keys struct {
	Own
	Keys  []Key
	Limit int  // how many she may have
	Off   bool // passkeys cannot be made at this address
	// Declined says that she has asked to be offered none after a sign-in.
	Declined bool
	Done     KeysDone
	Others   bool // with Done: her account is open elsewhere, too
	// Signal is what tells her browser which passkeys are left, as JSON for signalAllAcceptedCredentials (WebAuthn Level 3);
	// empty: nothing to tell.
	Signal string
}

// Full reports whether she may add none.
func (k Keys) Full() bool { return len(k.Keys) >= k.Limit }

// KeysDone says what has just been done.
type KeysDone string

// What may have been done.
const (
	KeysNothing KeysDone = ""
	KeysAdded   KeysDone = "agregada"
	KeysNamed   KeysDone = "nombre"
	KeysEnded   KeysDone = "quitada"
	KeysEnding  KeysDone = "por-terminar"
	KeysKept    KeysDone = "conservada"
	KeysOffered KeysDone = "ofrecer"
)

// Key is one passkey.
type Key struct {
	ID     string
	Name   string
	Made   time.Time
	On     string    // the device, such as "Chrome · Android"; empty where unknown
	Used   time.Time // zero: never
	Place  KeyPlace
	Cloned time.Time // since when a copy of it is suspected; zero: not
	Ends   time.Time // when it ends; zero: it does not
}

// KeyPlace is where a passkey lives.
type KeyPlace string

// The places.
const (
	KeyHere   KeyPlace = "equipo"   // in one device
	KeySynced KeyPlace = "copiada"  // its provider has a copy
	KeyCould  KeyPlace = "copiable" // its provider may make one
)

func (Keys) name() string { return "keys" }

func (k Keys) path() string { return pathOr(k.Layout, "/cuenta/llaves") }

// KeyNew is /cuenta/llaves/nueva, where llave-nueva.js makes a passkey. The form posts credencial, nombre and crear.
type KeyNew struct {
	Own
	Options string // for navigator.credentials.create, JSON
	Nombre  string
	Refused bool // what the device answered made none
}

func (KeyNew) name() string { return "keynew" }

func (k KeyNew) path() string { return pathOr(k.Layout, "/cuenta/llaves/nueva") }

// Failed reports whether the page tells of something that has to be mended.
func (k KeyNew) Failed() bool { return k.Refused }

// KeyName is /cuenta/llaves/nombre. The form posts cual, nombre and guardar.
type KeyName struct {
	Own
	Key    Key
	Nombre string
	Faults []Fault // NombreEmpty
}

func (KeyName) name() string { return "keyname" }

func (k KeyName) path() string { return keyPath("/cuenta/llaves/nombre", k.Layout, k.Key) }

// Failed reports whether the page tells of something that has to be mended.
func (k KeyName) Failed() bool { return len(k.Faults) > 0 }

// KeyRemove is /cuenta/llaves/quitar. The forms post cual and quitar there, or to /cuenta/llaves/quitar-ahora.
type KeyRemove struct {
	Own
	Key    Key
	Last   bool // she has no other (WA-11)
	Strong bool // she has just proved who she is by more than her clave: it ends at once
	Waives bool // without a passkey her clave has to be renewed again (D17)
}

func (KeyRemove) name() string { return "keyremove" }

func (k KeyRemove) path() string { return keyPath("/cuenta/llaves/quitar", k.Layout, k.Key) }

func keyPath(path string, l Layout, k Key) string {
	return pathOr(l, requestPath(path, nil, "cual", k.ID))
}

// Offer is /ingresar/oferta, after a sign-in with a clave in a browser that can make a passkey. The form posts
// credencial with registrar; ahora-no; no-ofrecer.
type Offer struct {
	Layout
	Goal    *Goal
	Session string // as in [Notice]
	Name    string
	Options string // as in [KeyNew]
	Refused bool
	Waives  bool // with a passkey her clave is not to be renewed any more (D17)
	Late    bool // too long after the sign-in: she may add one in Mi cuenta
}

func (Offer) name() string { return "offer" }

func (o Offer) path() string { return pathOr(o.Layout, requestPath("/ingresar/oferta", o.Goal)) }

// Failed reports whether the page tells of something that has to be mended.
func (o Offer) Failed() bool { return o.Refused || o.Late }

// keyStates are the pages of passkeys in all their states.
func keyStates(in Layout) []State {
	ok, when := http.StatusOK, sampleTime()
	own := Own{Layout: in, Session: "sesion", Name: "María Fernanda"}
	one := Key{
		ID: "K7QF2M9XWZ4TB6RHNVCJ3LDYPA", Name: "Celular", Made: when.AddDate(0, -2, 0), On: "Chrome · Android",
		Used: when.Add(-26 * time.Hour), Place: KeySynced,
	}
	two := Key{ID: "B6RHNVCJ3LDYPAK7QF2M9XWZ4T", Name: "Computadora de la casa", Made: when, On: "Edge · Windows", Place: KeyHere}
	three := Key{ID: "M9XWZ4TB6RHNVCJ3LDYPAK7QF2", Name: "Llavero", Made: when, Place: KeyCould, Cloned: when, Used: when}
	ending := one
	ending.Ends = when.Add(24 * time.Hour)
	const options = `{"publicKey":{"rp":{"id":"clave.iess.example"}}}`
	goal := &Goal{Request: "K7QF2M9XWZ4TB6RHNVCJ3LDYPA", Application: sampleApplications()[1], Receives: []string{"name"}}
	list := func(done KeysDone, keys ...Key) Keys {
		return Keys{Own: own, Keys: keys, Limit: 10, Done: done, Signal: `{"rpId":"clave.iess.example"}`}
	}
	full, declined := list(KeysNothing, one, two), list(KeysEnded, two)
	full.Limit, declined.Declined = 2, true
	added := list(KeysAdded, two)
	added.Others = true
	states := []State{
		{"keys", ok, list(KeysNothing, one, two)},
		{"keys-empty", ok, Keys{Own: own, Limit: 10, Done: KeysOffered}},
		{"keys-off", ok, Keys{Own: own, Limit: 10, Off: true}},
		{"keys-added", ok, added},
		{"keys-named", ok, list(KeysNamed, two)},
		{"keys-cloned", ok, list(KeysKept, three)},
		{"keys-ending", ok, list(KeysEnding, ending, two)},
		{"keys-full", ok, full},
		{"keys-declined", ok, declined},
		{"keynew", ok, KeyNew{Own: own, Options: options, Nombre: "Chrome · Android"}},
		{"keynew-refused", ok, KeyNew{Own: own, Options: options, Nombre: "Chrome · Android", Refused: true}},
		{"keyname", ok, KeyName{Own: own, Key: one, Nombre: one.Name}},
		{"keyname-empty", ok, KeyName{Own: own, Key: one, Faults: []Fault{NombreEmpty}}},
		{"keyremove", ok, KeyRemove{Own: own, Key: two}},
		{"keyremove-last", ok, KeyRemove{Own: own, Key: one, Last: true, Waives: true}},
		{"keyremove-strong", ok, KeyRemove{Own: own, Key: one, Last: true, Strong: true}},
		{"offer", ok, Offer{Waives: true, Layout: in, Session: "sesion", Name: "María Fernanda", Options: options}},
		{"offer-request", ok, Offer{Layout: in, Session: "sesion", Name: "María Fernanda", Options: options, Goal: goal}},
		{"offer-refused", ok, Offer{Layout: in, Session: "sesion", Name: "María Fernanda", Options: options, Refused: true}},
		{"offer-late", ok, Offer{Layout: in, Session: "sesion", Name: "María Fernanda", Goal: goal, Late: true}},
	}
	return states
}
