package recovery

import (
	"net/netip"
	"slices"
	"testing"
	"testing/quick"
	"time"
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
		{"a passkey", Facts{KnownDevice: true, Passkeys: 1}, []Line{LinePasskey}, RouteLink},
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
