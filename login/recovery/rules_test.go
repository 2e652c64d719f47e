package recovery

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"iess.gob.ec/clave/storage"
)

var noon = time.Date(2026, time.November, 22, 17, 0, 0, 0, time.UTC)

// C10: what fires, and the route it leads to.
func TestC10_Assess(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range []struct {
		name  string
		facts Facts
		lines []Line
		route Route
	}{
		{"her own device", Facts{KnownDevice: true}, nil, RouteLink},
		{"a new one", Facts{}, []Line{LineDevice}, RouteLink},
		{"three neighbours", Facts{People: 3}, []Line{LineDevice}, RouteLink},
		{"four of them", Facts{People: 4}, []Line{LineDevice, LineCrowd}, RouteLink},
		{"four of them, at night", Facts{People: 4, At: noon.Add(-10 * time.Hour)}, []Line{LineDevice, LineCrowd, LineHour}, RouteWait},
		{"four of them, on her own device", Facts{KnownDevice: true, People: 4}, []Line{LineCrowd}, RouteLink},
		{"a new network", Facts{KnownDevice: true, NewNetwork: true}, []Line{LineNetwork}, RouteLink},
		{"a new device in a new network", Facts{NewNetwork: true}, []Line{LineDevice, LineNetwork}, RouteLink},
		{"that, at night", Facts{NewNetwork: true, At: noon.Add(-10 * time.Hour)}, []Line{LineDevice, LineNetwork, LineHour}, RouteWait},
		{"that, after no fui yo", Facts{NewNetwork: true, DisavowedAt: noon.Add(-time.Hour)}, []Line{LineDevice, LineNetwork, LineDisavowed}, RouteWait},
		{"that, at a CAU with four others", Facts{NewNetwork: true, People: 5}, []Line{LineDevice, LineNetwork, LineCrowd}, RouteLink},
		{"that, listed, at night", Facts{NewNetwork: true, Listed: true, At: noon.Add(-10 * time.Hour)}, []Line{LineDevice, LineNetwork, LineListed, LineHour}, RouteWait},
		{"a listed network", Facts{Listed: true}, []Line{LineDevice, LineListed}, RouteWait},
		{"an address of 29 days", Facts{AddressAt: noon.Add(-29 * day)}, []Line{LineDevice, LineAddress}, RouteLink},
		{"an address of 30 days", Facts{AddressAt: noon.Add(-30 * day)}, []Line{LineDevice}, RouteLink},
		{"she said it was not her", Facts{DisavowedAt: noon.Add(-time.Hour)}, []Line{LineDevice, LineDisavowed}, RouteLink},
		{"and recovered since", Facts{DisavowedAt: noon.Add(-time.Hour), RecoveredAt: noon.Add(-time.Minute)}, []Line{LineDevice, LineDisavowed, LineRecovered}, RouteWait},
		{"at night", Facts{At: noon.Add(-10 * time.Hour)}, []Line{LineDevice, LineHour}, RouteLink},
		{"much of it", Facts{People: 9, Listed: true, AddressAt: noon.Add(-day)}, []Line{LineDevice, LineCrowd, LineListed, LineAddress}, RouteOffice},
		{"a passkey", Facts{KnownDevice: true, Passkeys: 1}, []Line{LinePasskey}, RouteOffice},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.facts.At.IsZero() {
				tt.facts.At = noon
			}
			got := Assess(tt.facts)
			if got.Route != tt.route || !slices.Equal(got.Lines, tt.lines) {
				t.Errorf("got %+v, want %v %v", got, tt.route, tt.lines)
			}
		})
	}
}

// C10: one fact more never gives a lighter route, and every assessment replays.
func TestC10_FactsOnlyAdd(t *testing.T) {
	weight := map[Route]int{RouteLink: 0, RouteWait: 1, RouteOffice: 2}
	err := quick.Check(func(known, network, listed bool, people, passkeys uint8, address, disavowed, recovered uint32) bool {
		ago := func(n uint32) time.Time { return noon.Add(-time.Duration(n) * time.Second) }
		f := Facts{
			At: noon, KnownDevice: known, NewNetwork: network, Listed: listed, People: int(people % 8), Passkeys: int(passkeys % 2),
			AddressAt: ago(address), DisavowedAt: ago(disavowed), RecoveredAt: ago(recovered),
		}
		less, usual := f, f
		less.KnownDevice, less.NewNetwork, less.Listed, less.DisavowedAt = true, false, false, time.Time{}
		usual.NewNetwork, usual.People = false, 0
		text, err := assessment{f, Assess(f)}.text()
		if err != nil {
			return false
		}
		again, stored, err := Replay(text)
		return err == nil && again.Route == stored.Route && slices.Equal(again.Lines, stored.Lines) && weight[Assess(less).Route] <= weight[again.Route] &&
			weight[Assess(usual).Route] <= weight[again.Route]
	}, &quick.Config{MaxCount: 5000})
	if err != nil {
		t.Error(err)
	}
}

func TestC10_Networks(t *testing.T) {
	n := Networks{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for remote, want := range map[string]bool{
		"198.51.100.7:1": true, "[::ffff:198.51.100.7]:1": true, "198.51.101.7:1": false, "[2001:db8::1%eth0]:1": true, "x": false,
	} {
		if got := n.Has(remote); got != want {
			t.Errorf("%s: %v", remote, got)
		}
	}
	if Pressing(3, false) != 0 || Pressing(4, false) == 0 || Pressing(4, true) <= Pressing(4, false) {
		t.Error("crowded and listed networks do not pay more")
	}
}

// DEV-7: a mail alone sets no clave where there is a passkey.
func TestDEV7_PasskeysAskForMore(t *testing.T) {
	if ExtraProof(0) || !ExtraProof(1) || !ExtraProof(3) {
		t.Error("a passkey asks for nothing more")
	}
}

// S029: what is compared is the same however it is written.
func TestS029_AnswersAreFolded(t *testing.T) {
	for _, group := range [][]string{
		{"Doña Eufrosina", "  dona   EUFROSINA ", "DOÑA EUFROSINA.", "don\u0303a eufrosina"},
		{"El 7 de la calle", "el7delacalle"},
		{"", "   ", "¿?"},
	} {
		for _, s := range group {
			if Fold(s) != Fold(group[0]) {
				t.Errorf("%q is folded to %q, %q to %q", s, Fold(s), group[0], Fold(group[0]))
			}
		}
	}
	if Fold("ana maría") == Fold("ana maria2") || len(Fold(strings.Repeat("ñ", 10_000))) > answerBytes {
		t.Error("different answers are one, or a long one is hashed whole")
	}
}

// S063, T22: nobody enrols what others know or guess.
func TestT22_WeakAnswers(t *testing.T) {
	a := storage.Afiliado{
		Identifier: "1759999913", GivenName: "María Fernanda", FamilyName: "Quishpe Andrade", Birthdate: "1985-03-14", Email: "mafer.q@correo.example",
		Mobile: "+593990000001",
	}
	history := []storage.Historia{{Employer: "Textiles del Machángara S.A.", Province: "Pichincha", Sector: "Industria"}}
	const good = "Doña Eufrosina"
	for answer, want := range map[string]Weakness{
		"": WeakEmpty, " ": WeakEmpty, "a": WeakShort, "12345": WeakShort, "ab1": WeakShort, "aaaa": WeakPopular, "ñññ": WeakPopular,
		"Quishpe": WeakRegistry, "maria fernanda": WeakRegistry, "FERNANDA": WeakRegistry, "Quishpe1": WeakRegistry, "machángara": WeakRegistry,
		"Textiles del Machangara": WeakRegistry, "textiles machángara": WeakRegistry, "Pichincha": WeakRegistry, "los rios": WeakRegistry, "14 de marzo": WeakRegistry,
		"mafer": WeakRegistry, "Quito": WeakPopular, "barcelona": WeakPopular, "Firulais": WeakPopular, "asdf": WeakPopular,
		"Sastre valiente": WeakNone, "7 vidas": WeakNone,
	} {
		got := CheckAnswers([]string{good, answer}, a, history)
		if got[0] != WeakNone || got[1] != want {
			t.Errorf("%q: got %v, want %v", answer, got, want)
		}
	}
	if got := CheckAnswers([]string{good, "dona eufrosina"}, a, history); got[1] != WeakRepeated {
		t.Errorf("one answer twice: %v", got)
	}
}

// D19: nothing whole is shown.
func TestD19_Masks(t *testing.T) {
	for got, want := range map[string]string{
		maskName("María Fernanda Quishpe"): "M••• F••• Q•••", maskName(""): "", maskIdentifier("1759999913"): "•••••••913", maskIdentifier("1"): "•••",
		maskPhone("+593990000001"): "•••••••01", maskPhone("12"): "", maskPhone(""): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
