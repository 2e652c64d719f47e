package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is one line of testdata/rules.tsv: a promise of the product.
type rule struct{ id, sentence string }

// testFunc is a test found in the tree.
type testFunc struct {
	file, name string
	asserts    bool // it can fail by its own judgement
}

// TestMatrix checks that each promise of testdata/rules.tsv has a test that
// carries its identifier in the name and asserts something. "make matrix" shows
// the table.
//
// A name carries an identifier between underscores, with an underscore for
// every character that is not a letter or digit: S069 is kept by
// TestS069_FifthWrongClaveLocks, ASVS 6.2.1 by TestASVS_6_2_1_SevenIsTooShort,
// both T03 and D03 by TestT03_D03_StrangersCannotLock. An identifier with a
// single number may be written together: TestFT15_…
func TestMatrix(t *testing.T) {
	tests := testFuncs(t)
	for _, r := range readRules(t) {
		var names []string
		asserted := false
		forms := formsOf(r.id)
		for _, f := range tests {
			if carries(f.name, forms) {
				names = append(names, f.file+" "+f.name)
				asserted = asserted || f.asserts
			}
		}
		if testing.Verbose() {
			fmt.Printf("%-14s %s\n", r.id, r.sentence)
			for _, name := range names {
				fmt.Printf("%-14s   %s\n", "", name)
			}
		}
		switch {
		case len(names) == 0:
			t.Errorf("%s has no test (%s)", r.id, r.sentence)
		case !asserted:
			t.Errorf("%s: none of its tests asserts anything: %q", r.id, names)
		}
	}
}

func TestMatrixReadsNames(t *testing.T) {
	for _, tt := range []struct {
		name, id string
		want     bool
	}{
		{"TestS069_FifthWrongClaveLocks", "S069", true},
		{"TestS0691_Other", "S069", false},
		{"TestT03_D03_StrangersCannotLock", "D03", true},
		{"TestASVS_6_2_1_SevenIsTooShort", "ASVS 6.2.1", true},
		{"TestASVS_6_2_10_Expiry", "ASVS 6.2.1", false},
		{"TestFT15_Race", "FT-15", true},
		{"TestFT_15_Race", "FT-15", true},
		{"FuzzC_CED_1_Check", "C-CED-1", true},
		{"TestCCED1_Check", "C-CED-1", true},
		{"TestOIDC_3_1_4_WrongSecret", "OIDC-3.1-4", true},
		{"TestT18", "T18", true},
		{"TestAgainT18", "T18", false},
	} {
		if got := carries(tt.name, formsOf(tt.id)); got != tt.want {
			t.Errorf("carries(%q, %q) = %v, want %v", tt.name, tt.id, got, tt.want)
		}
	}
}

func TestMatrixSeesAssertions(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", `package x
		func TestDirect(t *testing.T)  { if 1 != 2 { t.Errorf("x") } }
		func TestNested(t *testing.T)  { t.Run("x", func(t *testing.T) { check(t) }) }
		func TestNothing(t *testing.T) { t.Log("x"); _ = err.Error(); idle(t) }
		func check(t *testing.T)       { deeper(t) }
		func deeper(t *testing.T)      { check(t); t.Fatal("x") }
		func idle(t *testing.T)        { idle(t) }`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	funcs := map[string][]*ast.FuncDecl{}
	for _, decl := range file.Decls {
		f := decl.(*ast.FuncDecl)
		funcs[f.Name.Name] = append(funcs[f.Name.Name], f)
	}
	for name, want := range map[string]bool{"TestDirect": true, "TestNested": true, "TestNothing": false} {
		if got := asserts(funcs[name][0], funcs, map[*ast.FuncDecl]bool{}); got != want {
			t.Errorf("%s asserts: got %v, want %v", name, got, want)
		}
	}
}

func readRules(t *testing.T) []rule {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "rules.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var rules []rule
	seen := map[string]bool{}
	for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		id, sentence, ok := strings.Cut(line, "\t")
		if !ok || id == "" || sentence == "" || strings.Contains(sentence, "\t") || seen[id] {
			t.Fatalf("testdata/rules.tsv:%d: want a new identifier, a tab and a sentence, got %q", n+1, line)
		}
		seen[id] = true
		rules = append(rules, rule{id, sentence})
	}
	return rules
}

var (
	notAlphanumeric = regexp.MustCompile(`[^A-Za-z0-9]+`)
	numbers         = regexp.MustCompile(`[0-9]+`)
)

// formsOf are the ways in which a name may carry the rule id.
func formsOf(id string) []string {
	parts := notAlphanumeric.Split(id, -1)
	forms := []string{"_" + strings.Join(parts, "_") + "_"}
	if len(numbers.FindAllString(id, -1)) <= 1 {
		forms = append(forms, "_"+strings.Join(parts, "")+"_")
	}
	return forms
}

// carries reports whether a test called name claims to keep the rule with these forms.
func carries(name string, forms []string) bool {
	rest, ok := strings.CutPrefix(name, "Test")
	if !ok {
		rest, ok = strings.CutPrefix(name, "Fuzz")
	}
	if !ok {
		return false
	}
	rest = "_" + rest + "_"
	return slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(rest, form) })
}

// testFuncs parses every test of the repository.
func testFuncs(t *testing.T) []testFunc {
	t.Helper()
	folders := map[string]map[string][]*ast.FuncDecl{} // folder → name → functions of its tests
	files := map[*ast.FuncDecl]string{}
	walkRepository(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(path)
		if folders[dir] == nil {
			folders[dir] = map[string][]*ast.FuncDecl{}
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				folders[dir][f.Name.Name] = append(folders[dir][f.Name.Name], f)
				files[f] = strings.TrimPrefix(filepath.ToSlash(path), "../../")
			}
		}
	})
	var out []testFunc
	for _, funcs := range folders {
		for name, decls := range funcs {
			for _, f := range decls {
				if f.Recv == nil && (strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")) {
					out = append(out, testFunc{files[f], name, asserts(f, funcs, map[*ast.FuncDecl]bool{})})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b testFunc) int { return strings.Compare(a.file+" "+a.name, b.file+" "+b.name) })
	return out
}

// asserts reports whether f, or a function of its tests that f calls, reports a
// failure.
func asserts(f *ast.FuncDecl, funcs map[string][]*ast.FuncDecl, seen map[*ast.FuncDecl]bool) bool {
	if seen[f] {
		return false
	}
	seen[f] = true
	found := false
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found {
			return !found
		}
		name := ""
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			name = fun.Sel.Name
			found = slices.Contains([]string{"Errorf", "Fatal", "Fatalf", "Fail", "FailNow"}, name) ||
				name == "Error" && len(call.Args) > 0 // without arguments it is an error's own text
		}
		for _, callee := range funcs[name] {
			found = found || asserts(callee, funcs, seen)
		}
		return true
	})
	return found
}
