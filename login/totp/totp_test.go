package totp

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
)

// ASVS 6.5.8: a code is made of the time that the server says, RFC 6238 appendix B.
func TestASVS_6_5_8_CodesOfTheRFC(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{ // the last six of eight digits
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		got, err := Code(secret, Step(time.Unix(at, 0)))
		if err != nil || got != want {
			t.Errorf("at %d: got %s, %v; want %s", at, got, err, want)
		}
	}
}

// A code counts for 30 seconds and one period around, and the newest period it is
// of is told.
func TestMatch(t *testing.T) {
	secret, at := NewSecret(), time.Date(2026, time.November, 22, 17, 0, 14, 0, time.UTC)
	step := Step(at)
	for by, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		code, err := Code(secret, step+by)
		if err != nil {
			t.Fatal(err)
		}
		for _, typed := range []string{code, " " + code[:3] + " " + code[3:], code[:3] + "-" + code[3:]} {
			got, right, err := Match(secret, typed, at)
			if err != nil || right != want || want && got != step+by {
				t.Errorf("%q of %+d: got %d, %v, %v; want %v", typed, by, got-step, right, err, want)
			}
		}
	}
	for _, typed := range []string{"", "12345", "1234567", "abcdef", "１２３４５６", strings.Repeat("1", 1000)} {
		if _, right, err := Match(secret, typed, at); right || err != nil {
			t.Errorf("%.10q is a code, %v", typed, err)
		}
	}
}

// What the QR code says is what applications read, and the same as the key to type.
func TestURI(t *testing.T) {
	secret := NewSecret()
	text := URI(secret, "Clave IESS", "María Fernanda: 913")
	key, err := otp.NewKeyFromURL(text)
	if err != nil {
		t.Fatal(err)
	}
	if key.Type() != "totp" || key.Issuer() != "Clave IESS" || key.AccountName() != "María Fernanda  913" || key.Period() != 30 ||
		key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 || key.Secret() != strings.Join(Key(secret), "") {
		t.Errorf("got %s", text)
	}
	if u, err := url.Parse(text); err != nil || strings.Contains(u.RawQuery, "+") {
		t.Errorf("%s, %v", text, err)
	}
	for _, group := range Key(secret) {
		if len(group) != 4 {
			t.Errorf("a group of %d", len(group))
		}
	}
}

// The path draws a QR code: of an allowed size, light around, its three corners.
func TestQR(t *testing.T) {
	path, size, err := QR(URI(NewSecret(), "Clave IESS", "María Fernanda 913"))
	if err != nil || (size-2*quiet-17)%4 != 0 || size > 70 {
		t.Fatalf("%d modules, %v", size, err)
	}
	dark := make([][]bool, size)
	for y := range dark {
		dark[y] = make([]bool, size)
	}
	for _, run := range strings.Split(strings.TrimPrefix(path, "M"), "M") {
		at, rest, _ := strings.Cut(run, "h")
		xs, ys, _ := strings.Cut(at, " ")
		ns, _, _ := strings.Cut(rest, "v")
		x, xerr := strconv.Atoi(xs)
		y, yerr := strconv.Atoi(ys)
		n, nerr := strconv.Atoi(ns)
		if xerr != nil || yerr != nil || nerr != nil || x < quiet || y < quiet || x+n > size-quiet || y >= size-quiet {
			t.Fatalf("%q draws outside", run)
		}
		for i := range n {
			dark[y][x+i] = true
		}
	}
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	for _, corner := range [][2]int{{quiet, quiet}, {size - quiet - 7, quiet}, {quiet, size - quiet - 7}} {
		for y, row := range finder {
			for x := range row {
				if dark[corner[1]+y][corner[0]+x] != (row[x] == '#') {
					t.Fatalf("no corner at %v", corner)
				}
			}
		}
	}
	if _, _, err := QR(strings.Repeat("x", 5000)); err == nil {
		t.Error("a text too long is drawn")
	}
}
