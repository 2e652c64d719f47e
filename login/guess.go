package login

import "time"

// Whoever has a clave must not find the code of its person's application by trying:
// one code in a third of a million counts at any moment. Wrong ones weigh on the
// person, wherever they are typed, and what she types right takes only those of the
// same form away.
const (
	codesFree = 5              // that weigh before there is a pause, and of which she is told
	codesMost = 10             // that weigh at once
	codeLeak  = 30 * time.Hour // after which one weighs no more
)

// codesWeighing is how many of the wrong codes that weighed when the last of them
// was typed still do at now.
func codesWeighing(failures int, failedAt, now time.Time) int {
	if failures <= 0 || now.Before(failedAt) {
		return max(failures, 0)
	}
	return int(max(0, int64(failures)-int64(now.Sub(failedAt)/codeLeak)))
}

// codesPause is how long after the last wrong code the next one is compared, where
// so many weigh: one minute, twice as long each time, and from codesMost on until
// one weighs no more.
func codesPause(weighing int) time.Duration {
	switch {
	case weighing < codesFree:
		return 0
	case weighing < codesMost:
		return time.Minute << (weighing - codesFree)
	default:
		return codeLeak
	}
}

// codesFrom is from when on the next code is compared; the zero time: now.
func codesFrom(failures int, failedAt, now time.Time) time.Time {
	pause := codesPause(codesWeighing(failures, failedAt, now))
	if from := failedAt.Add(pause); pause > 0 && now.Before(from) {
		return from
	}
	return time.Time{}
}
