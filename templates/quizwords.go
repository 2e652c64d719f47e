package templates

import (
	"fmt"
	"strconv"
)

// QuizField says what a question on the work history asks for.
type QuizField string

// The fields of questions (C-HL-Q). Each asks what is true up to the month that ends what counts.
const (
	QuizEmployer  QuizField = "employer"  // which of these she worked for
	QuizEntry     QuizField = "entry"     // in which quarter she began at an employer
	QuizExit      QuizField = "exit"      // in which quarter she left one
	QuizGap       QuizField = "gap"       // in which quarter she contributed again, after six months or more without
	QuizEmployers QuizField = "employers" // in which year she worked for two or more
	QuizProvince  QuizField = "province"  // in which one she worked besides where she worked longest
	QuizSalary    QuizField = "salary"    // the highest a month at her first employer
)

// QuizQuestion is one question on the work history. Its words say nothing of the person: they depend on Field alone.
type QuizQuestion struct {
	Field QuizField
	// Year and Month are the last month that counts, the same for everybody; zeros leave it out.
	Year, Month int
	Options     []QuizOption // in the order shown; the value of each is its index
}

// QuizOption is one answer to choose: the part that its question's field asks for, or None.
type QuizOption struct {
	Text          string // the name of an employer or a province
	Year, Quarter int    // Quarter 1 to 4, 0 where the option is a whole year
	From, To      int64  // a monthly salary in cents, both included; To 0: or more
	None          bool   // "Ninguna de las anteriores"
}

// ask is q in words.
func (c *catalog) ask(q QuizQuestion) (string, error) { return c.text("quiz." + string(q.Field)) }

// until is the last month that counts for q, in words; empty where it has none.
func (c *catalog) until(q QuizQuestion) (string, error) {
	if q.Year == 0 {
		return "", nil
	}
	month, err := c.text("month." + strconv.Itoa(q.Month))
	if err != nil {
		return "", err
	}
	return c.text("quiz.until", "Month", month, "Year", q.Year)
}

// option is o in words.
func (c *catalog) option(o QuizOption) (string, error) {
	switch {
	case o.None:
		return c.text("quiz.none")
	case o.Text != "":
		return o.Text, nil
	case o.Year > 0:
		return c.period(o.Year, o.Quarter)
	case o.To == 0:
		return c.text("quiz.band.above", "From", c.dollars(o.From))
	case o.From == 0:
		return c.text("quiz.band.below", "To", c.dollars(o.To+1))
	default:
		return c.text("quiz.band", "From", c.dollars(o.From), "To", c.dollars(o.To+1))
	}
}

// period is a quarter of a year, or the year.
func (c *catalog) period(year, quarter int) (string, error) {
	if quarter == 0 {
		return strconv.Itoa(year), nil
	}
	return c.text("quarter."+strconv.Itoa(quarter), "Year", year)
}

// dollars is an amount as people write it: 1.200, or 1.200,50 where there are cents.
func (c *catalog) dollars(cents int64) string {
	whole := strconv.FormatInt(cents/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + c.plain["money.thousands"] + whole[i:]
	}
	if rest := cents % 100; rest != 0 {
		whole += c.plain["money.decimals"] + fmt.Sprintf("%02d", rest)
	}
	return whole
}
