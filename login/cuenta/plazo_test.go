package cuenta

import (
	"testing"
	"time"
)

// LAW-05: a plazo of 15 days of the calendar, of which the day of asking is none,
// by the clock of continental Ecuador; the IESS has until the end of the last.
func TestLAW05_FifteenDaysOfTheCalendar(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tt := range []struct {
		name, asked, due, now, last string
		left                        int
	}{
		{"at noon", "2026-11-22T17:00:00Z", "2026-12-08T05:00:00Z", "2026-11-22T17:00:01Z", "2026-12-07", 15},
		{"just before midnight in Ecuador", "2026-11-23T04:59:59Z", "2026-12-08T05:00:00Z", "2026-11-23T04:59:59Z", "2026-12-07", 15},
		{"just after it", "2026-11-23T05:00:00Z", "2026-12-09T05:00:00Z", "2026-11-23T05:00:00Z", "2026-12-08", 15},
		{"the next day begins in Ecuador", "2026-11-22T17:00:00Z", "2026-12-08T05:00:00Z", "2026-11-23T05:00:00Z", "2026-12-07", 14},
		{"through holidays and the year's end", "2026-12-24T20:00:00Z", "2027-01-09T05:00:00Z", "2027-01-07T12:00:00Z", "2027-01-08", 1},
		{"on the last day, to its end", "2026-11-22T17:00:00Z", "2026-12-08T05:00:00Z", "2026-12-08T04:59:59Z", "2026-12-07", 0},
		{"when it is over", "2026-11-22T17:00:00Z", "2026-12-08T05:00:00Z", "2026-12-08T05:00:00Z", "2026-12-07", -1},
		{"long after", "2026-11-22T17:00:00Z", "2026-12-08T05:00:00Z", "2027-01-01T00:00:00Z", "2026-12-07", -24},
		{"through 29 February", "2028-02-20T17:00:00Z", "2028-03-07T05:00:00Z", "2028-02-20T17:00:00Z", "2028-03-06", 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := due(at(tt.asked))
			if want := at(tt.due); !got.Equal(want) {
				t.Errorf("due: got %v, want %v", got.UTC(), want)
			}
			if last := lastDay(got).Format(time.DateOnly); last != tt.last {
				t.Errorf("the last day: got %s, want %s", last, tt.last)
			}
			if left := daysLeft(got, at(tt.now)); left != tt.left {
				t.Errorf("days left: got %d, want %d", left, tt.left)
			}
		})
	}
}
