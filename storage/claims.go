package storage

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Scopes of contract.md section 5 that hand out nothing about the person by
// themselves, and the marks of what is asked in other ways: an AuthRequest, Grant
// or Consent that holds "claim:email" in its scope covers the claim email without
// the rest of its scope; one that holds "resource:urn:iess:historia" covers tokens
// for that audience (RFC 8707). Applications never see a mark and cannot ask for
// one as a scope.
const (
	ScopeOpenID  = "openid"
	ScopeOffline = "offline_access"

	ClaimMark    = "claim:"
	ResourceMark = "resource:"
)

// Marked reports whether scope is a mark, of whatever kind.
func Marked(scope string) bool {
	return strings.HasPrefix(scope, ClaimMark) || strings.HasPrefix(scope, ResourceMark)
}

// ScopeProfile hands out what people call somebody, and ClaimClaveDue: the day
// on which the person's clave falls due, in seconds since the epoch, as the
// midnight in Ecuador with which it begins. The very moment, which is hers alone,
// would let applications find out that two pairwise subs are one person.
const (
	ScopeProfile  = "profile"
	ClaimClaveDue = "clave_due_at"
)

// ClaimRecovered is when the person last generated or recovered her clave, in
// seconds since the epoch, as the hour with which it began, for thirty days:
// applications may want to wait before they let money go.
const ClaimRecovered = "recovered_at"

// recoveredFor is how long applications are told of a recovery.
const recoveredFor = 30 * 24 * time.Hour

// ClaveTimes is what applications may learn of a person's clave; zero: nothing.
type ClaveTimes struct {
	Due       Instant // when it falls due
	Recovered Instant // when it was last generated or recovered
}

// At is t as applications are told at now: not of a recovery long ago.
func (t ClaveTimes) At(now time.Time) ClaveTimes {
	if !t.Recovered.Add(recoveredFor).After(now) {
		t.Recovered = Instant{}
	}
	return t
}

// holder is whose claims are asked for.
type holder struct {
	Afiliado
	ClaveTimes
}

// Claim is something an application may learn about a person, with her value.
// No Values: the registry has none, and the token leaves the claim out.
type Claim struct {
	Name   string
	Values []string // one; as many as there are for an array
	form   claimForm
}

// claimForm is how a claim is written in JSON.
type claimForm int

const (
	claimText claimForm = iota
	claimBool
	claimNumber
	claimArray
)

// JSON is the claim's value as tokens and userinfo carry it; null without one.
func (c Claim) JSON() json.RawMessage {
	var out []byte
	switch {
	case len(c.Values) == 0:
		return json.RawMessage("null")
	case c.form == claimArray:
		out, _ = json.Marshal(c.Values) // strings always marshal
	case c.form == claimText:
		out, _ = json.Marshal(c.Values[0])
	default:
		out = []byte(c.Values[0])
	}
	return out
}

// scopeClaims is the one table of what a scope hands out (contract.md section
// 5), in the order in which people are told.
var scopeClaims = []struct {
	scope, name string
	form        claimForm
	value       func(a holder) []string
}{
	{ScopeProfile, "name", claimText, func(a holder) []string { return claimValue(a.Name()) }},
	{ScopeProfile, "given_name", claimText, func(a holder) []string { return claimValue(a.GivenName) }},
	{ScopeProfile, "family_name", claimText, func(a holder) []string { return claimValue(a.FamilyName) }},
	{ScopeProfile, "birthdate", claimText, func(a holder) []string { return claimValue(a.Birthdate) }},
	{ScopeProfile, "updated_at", claimNumber, func(a holder) []string {
		if a.UpdatedAt.IsZero() {
			return nil
		}
		return claimValue(strconv.FormatInt(a.UpdatedAt.Unix(), 10))
	}},
	{ScopeProfile, "locale", claimText, func(a holder) []string {
		if a.Locale == "" {
			return claimValue("es-EC") // what everything is in until she chooses
		}
		return claimValue(a.Locale)
	}},
	{ScopeProfile, ClaimClaveDue, claimNumber, func(a holder) []string { return claimValue(dueDay(a.Due)) }},
	{ScopeProfile, ClaimRecovered, claimNumber, func(a holder) []string {
		if a.Recovered.IsZero() {
			return nil
		}
		return claimValue(strconv.FormatInt(a.Recovered.Truncate(time.Hour).Unix(), 10))
	}},
	{"email", "email", claimText, func(a holder) []string { return claimValue(a.Email) }},
	{"email", "email_verified", claimBool, func(a holder) []string {
		if a.Email == "" {
			return nil
		}
		return claimValue(strconv.FormatBool(a.EmailVerified))
	}},
	{"phone", "phone_number", claimText, func(a holder) []string { return claimValue(telephone(a.Afiliado)) }},
	{"phone", "phone_number_verified", claimBool, func(a holder) []string {
		if telephone(a.Afiliado) == "" {
			return nil
		}
		return claimValue(strconv.FormatBool(a.PhoneVerified && a.Mobile != "")) // only mobiles are ever verified
	}},
	{"cedula", "cedula", claimText, func(a holder) []string { return claimValue(string(a.Identifier)) }},
	{"cedula", "tipo_identificacion", claimText, func(a holder) []string { return claimValue(a.IdentifierType) }},
	{"afiliacion", "tipo_asegurado", claimArray, func(a holder) []string { return a.Kinds }},
	{"afiliacion", "estado_afiliacion", claimText, func(a holder) []string { return claimValue(a.Estado) }},
}

func claimValue(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// dueDay is the value of ClaimClaveDue, "" for a clave that never falls due.
func dueDay(due Instant) string {
	if due.IsZero() {
		return ""
	}
	y, m, d := due.In(time.FixedZone("Ecuador", -5*60*60)).Date()
	return strconv.FormatInt(time.Date(y, m, d, 5, 0, 0, 0, time.UTC).Unix(), 10)
}

func telephone(a Afiliado) string {
	if a.Mobile != "" {
		return a.Mobile
	}
	return a.Landline
}

// PersonScopes are the scopes that hand out something about the person, in the
// order in which people are told.
func PersonScopes() []string {
	var out []string
	for _, row := range scopeClaims {
		if !slices.Contains(out, row.scope) {
			out = append(out, row.scope)
		}
	}
	return out
}

// ScopeClaims is what scopes hand out about a and her clave, in the order in which
// people are told. Scopes may hold single claims (ClaimMark); unknown ones hand out
// nothing. Claims the registry has no value for are there without Values.
func ScopeClaims(a Afiliado, times ClaveTimes, scopes []string) []Claim {
	var out []Claim
	for _, row := range scopeClaims {
		if slices.Contains(scopes, row.scope) || slices.Contains(scopes, ClaimMark+row.name) {
			out = append(out, Claim{Name: row.name, Values: row.value(holder{a, times}), form: row.form})
		}
	}
	return out
}

// ClaimNames is ScopeClaims without the values: what an application will
// receive, said before it is known whose.
func ClaimNames(scopes []string) []string {
	var out []string
	for _, c := range ScopeClaims(Afiliado{}, ClaveTimes{}, scopes) {
		out = append(out, c.Name)
	}
	return out
}

// ClaimScope is the scope that hands out the claim, "" for one nobody gets.
func ClaimScope(claim string) string {
	for _, row := range scopeClaims {
		if row.name == claim {
			return row.scope
		}
	}
	return ""
}

// PlainScope is a stored scope as applications know it: without marks.
func PlainScope(scope string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(scope), Marked), " ")
}
