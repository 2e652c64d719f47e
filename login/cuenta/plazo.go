package cuenta

import "time"

// answerDays are the days of the plazo in which the IESS answers (LOPDP arts. 13 to
// 16; LAW-05). Days of a plazo are those of the calendar, holidays included (COA),
// and the day of asking is none of them: no reading of the law gives an earlier end.
const answerDays = 15

// ecuador is the time of the continent, without daylight saving (C-TZ).
func ecuador() *time.Location { return time.FixedZone("America/Guayaquil", -5*60*60) }

// day is the midnight with which the day of t begins in Ecuador.
func day(t time.Time) time.Time {
	y, m, d := t.In(ecuador()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, ecuador())
}

// due is when the plazo of what is asked at at is over: the midnight in Ecuador with
// which its last day ends.
func due(at time.Time) time.Time { return day(at).AddDate(0, 0, answerDays+1) }

// lastDay is a moment of the last day of the plazo that ends at due.
func lastDay(due time.Time) time.Time { return day(due.Add(-time.Nanosecond)) }

// daysLeft are the days from that of now to the last of the plazo that ends at due:
// 0 on that day, less once it is over.
func daysLeft(due, now time.Time) int {
	return int(lastDay(due).Sub(day(now)) / (24 * time.Hour)) // days without daylight saving have 24 hours
}
