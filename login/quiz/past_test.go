package quiz

import (
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool // may be the same employer
	}{
		{"Comercial Andina Cía. Ltda.", "COMERCIAL ANDINA C. LTDA", true},
		{"Textiles del Machángara S.A.", "TEXTILES DEL MACHANGARA", true},
		{"Ministerio de Educación", "MINISTERIO DE EDUCACION DISTRITO 17D05", true},
		{"Comercial Andina", "Comercial Andinamotors", false},
		{"Hotel Costa", "Hotel Serena", false},
		{"", "Hotel", false},
	} {
		if got := similar(fold(tt.a), fold(tt.b)); got != tt.want {
			t.Errorf("similar(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
	if got := fold("S.A."); got != "S" {
		t.Errorf("fold(S.A.) = %q", got)
	}
}

func months(ruc, name string, from, n int) []storage.Historia {
	var out []storage.Historia
	for m := from; m < from+n; m++ {
		out = append(out, storage.Historia{EmployerID: ruc, Employer: name, Year: m / 12, Month: m%12 + 1, Days: 30, SalaryCents: 50_000})
	}
	return out
}

// One employer under two names or two numbers is one, or the second would be an
// entry that never was.
func TestOneEmployerWithTwoNames(t *testing.T) {
	from := 12 * 2010
	history := months("1", "Andes S.A.", from, 10)
	history = append(history, months("1", "Nuevos Andes", from+10, 10)...)
	history = append(history, months("2", "NUEVOS ANDES S.A.", from+20, 10)...)
	history = append(history, months("3", "Sierra", from+30, 10)...)
	p := read(history, end(noon))
	if len(p.jobs) != 2 || len(p.jobs[0].months) != 30 || p.jobs[0].name != "NUEVOS ANDES S.A." || p.jobs[0].current || !p.jobs[1].current {
		t.Errorf("got %d jobs, the first %+v", len(p.jobs), p.jobs[0])
	}
	history = append(months("9", "Costa", from-5, 5), months("8", "Litoral", from, 5)...)
	history = append(history, months("9", "Litoral", from+5, 5)...)
	if p := read(history, end(noon)); len(p.jobs) != 1 || len(p.jobs[0].months) != 15 {
		t.Errorf("two that turn out to be one are %d", len(p.jobs))
	}
}

func TestEnd(t *testing.T) {
	for _, tt := range []struct {
		now  string
		want int
	}{
		{"2026-11-22T17:00:00Z", 12*2026 + 6},
		{"2026-10-01T04:59:59Z", 12*2026 + 3}, // still September in Ecuador
		{"2026-10-01T05:00:00Z", 12*2026 + 6},
		{"2027-01-02T00:00:00Z", 12*2026 + 9},
		{"2027-03-31T12:00:00-05:00", 12*2026 + 9},
		{"2027-04-01T12:00:00-05:00", 12 * 2027},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := end(now); got != tt.want {
			t.Errorf("end(%s) = %d-%02d, want %d-%02d", tt.now, got/12, got%12+1, tt.want/12, tt.want%12+1)
		}
	}
}

func TestBlock(t *testing.T) {
	for _, tt := range []struct{ at, width, end, from, to int }{
		{2001, 8, 2026, 2000, 2008},
		{2007, 8, 2026, 2000, 2008},
		{2020, 8, 2026, 2016, 2026},
		{2024, 8, 2026, 2016, 2026},
		{2025, 8, 2032, 2024, 2032},
		{2025, 8, 2039, 2024, 2039},
		{2012, 8, 2026, 2008, 2016},
	} {
		if from, to := block(tt.at, tt.width, tt.end); from != tt.from || to != tt.to {
			t.Errorf("block(%d, %d, %d) = %d, %d, want %d, %d", tt.at, tt.width, tt.end, from, to, tt.from, tt.to)
		}
	}
}

// One employer and no other, or a few months: there is something to ask.
func TestShortHistories(t *testing.T) {
	for n := range 200 {
		history := months("1", "Sola S.A.", end(noon)-1-n%50, 1+n%50)
		set, ok := Ask(seedOf(n), history, nil, noon)
		if !ok {
			t.Fatalf("%d months are not enough", 1+n%50)
		}
		check(t, set, history, noon)
	}
	recent := months("1", "Sola S.A.", end(noon), 5)
	if _, ok := Ask(seedOf(1), recent, nil, noon); ok {
		t.Error("asked of the last three months")
	}
	if _, _, year := Near(seedOf(1), recent, noon); year != 0 {
		t.Error("Near: the last three months are enough")
	}
}

func TestPretendPassesOverPeopleWithoutEnough(t *testing.T) {
	a, b := months("1", "Uno", end(noon), 3), months("2", "Dos", 12*2010, 40)
	for i := range a {
		a[i].AfiliadoID = "a"
	}
	for i := range b {
		b[i].AfiliadoID = "b"
	}
	if got := Pretend(seedOf(1), append(a, b...), noon); len(got) != 40 || got[0].AfiliadoID != "b" {
		t.Errorf("got %d months, want the 40 of the second", len(got))
	}
	for n := range 300 {
		for _, now := range []time.Time{noon, time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), time.Date(2041, 7, 1, 12, 0, 0, 0, time.UTC)} {
			history := Pretend(seedOf(n), a, now)
			set, ok := Ask(seedOf(n), history, nil, now)
			if !ok {
				t.Fatalf("nothing to ask of a made-up history at %s", now)
			}
			check(t, set, history, now)
		}
	}
}
