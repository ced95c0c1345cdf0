package interop_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

// A specimen is one value in both languages, and all that the two must agree on.
type specimen struct {
	name string
	expr string // what makes it in Python
	typ  string // the type that Python reads

	write    any    // what Go writes, and reads into that type
	read     any    // what Go reads into an any
	alike    []any  // values of further Go types that are written to the same bytes, and read from them
	reads    []any  // values of further Go types that are read from the bytes, but written to others
	misfits  []any  // values of Go types that do not take it
	anyError string // the error of reading it into an any, in the place of read

	goSide
	single bool // a float in four bytes: Python packs with use_single_float, and an any keeps eight
	wide   bool // write holds bytes with a longer header than needed: what was read is written shorter
	tuples bool // Python unpacks with use_list=False
	modern bool // msgpack 0.6.2 refuses it, see the disagreements

	written []byte // what Go has made of write
}

// A question and its answer are those of msgpack_corpus.py.
type question struct {
	Hex    string `json:"hex,omitempty"`
	Expr   string `json:"expr,omitempty"`
	Single bool   `json:"single,omitempty"`
	Tuples bool   `json:"tuples,omitempty"`
}

type answer struct{ Made, Packed, Read, Type, Again string }

// A msgpackVersion is one of the environment's two. The old one is what mprpc can use.
type msgpackVersion struct {
	name   string
	args   []string
	modern bool
}

var msgpackVersions = []msgpackVersion{{"0.6.2", nil, false}, {"1.1.1", []string{"modern"}, true}}

// ask has one Python process answer all questions.
func (v msgpackVersion) ask(t *testing.T, questions []question) []answer {
	t.Helper()
	env := pythontest.Need(t) // which may take its time, once on each machine
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	process, err := env.Start(ctx, "msgpack_corpus.py", v.args...)
	if err != nil {
		t.Fatal(err)
	}
	pythontest.Cleanup(t, "msgpack_corpus.py", process)
	go func() { // an error means that the process has ended, which its missing lines tell as well
		in := json.NewEncoder(process.Stdin())
		for _, q := range questions {
			if in.Encode(q) != nil {
				return
			}
		}
	}()
	answers := make([]answer, len(questions))
	for i := range answers {
		line := receive(t, process.Lines(), "msgpack_corpus.py")
		if err := json.Unmarshal([]byte(line), &answers[i]); err != nil {
			t.Fatalf("line %d: %v: %.100s", i, err, line)
		}
	}
	if err := process.Close(); err != nil {
		t.Error(err)
	}
	return answers
}

// TestCorpus has Python's msgpack and this module write each other's values, byte for byte.
func TestCorpus(t *testing.T) {
	all := corpus()
	for i := range all {
		var err error
		if all[i].written, err = all[i].goSide.write(all[i].write); err != nil {
			t.Fatalf("Go does not write %s: %v", all[i].name, err)
		}
	}
	checkCorpus(t, all)
	answers := make([][]answer, len(msgpackVersions))
	t.Run("Python", func(t *testing.T) {
		for i, v := range msgpackVersions {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				answers[i] = v.ask(t, v.questions(all))
			})
		}
	})
	if answers[0] == nil || answers[1] == nil { // what is missing has been told
		return
	}
	for i, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, answers[0][i], answers[1][i])
		})
	}
}

// The pure Python msgpack is another program: it must not stand in for the compiled one without a word.
func TestCorpusIsOfTheCExtension(t *testing.T) {
	for _, v := range msgpackVersions {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			want := answer{Made: fmt.Sprintf("['%s', 'msgpack._cmsgpack', 'msgpack._cmsgpack', '.so']", v.name)}
			got := v.ask(t, []question{{Expr: "['.'.join(map(str, msgpack.version)), msgpack.Packer.__module__, " +
				"msgpack.Unpacker.__module__, msgpack._cmsgpack.__file__[-3:]]"}})[0]
			if got.Made != want.Made {
				t.Errorf("Python has %s, want %s", got.Made, want.Made)
			}
		})
	}
}

// checkCorpus checks that the table is what it claims to be: large, and complete.
func checkCorpus(t *testing.T, all []specimen) {
	if len(all) < 400 {
		t.Errorf("%d values, want 400", len(all))
	}
	t.Logf("%d values", len(all))
	names := map[string]bool{}
	var headers [256]bool
	for _, s := range all {
		if names[s.name] {
			t.Errorf("two values have the name %s", s.name)
		}
		names[s.name] = true
		headers[s.written[0]] = headers[s.written[0]] || !s.wide
	}
	for c, seen := range headers {
		if seen == (c == 0xc1) { // the one byte that MessagePack never uses
			t.Errorf("a value that begins with %02x: %t", c, seen)
		}
	}
}

func (v msgpackVersion) questions(all []specimen) []question {
	questions := make([]question, len(all))
	for i, s := range all {
		questions[i] = question{hex.EncodeToString(s.written), s.expr, s.single, s.tuples}
		if s.modern && !v.modern {
			questions[i].Expr = ""
		}
	}
	return questions
}

// check checks what both versions of msgpack have answered.
func (s specimen) check(t *testing.T, old, modern answer) {
	if s.modern {
		if want := "raises ValueError: code must be 0~127"; old.Read != want {
			t.Errorf("msgpack 0.6.2 reads %s, want %s", old.Read, want)
		}
		old = modern
	}
	packed, err := hex.DecodeString(modern.Packed)
	if err != nil {
		t.Fatalf("Python does not pack %s: %s", s.expr, modern.Packed)
	}
	s.goToPython(t, packed, modern)
	s.pythonToGo(t, packed, modern)
	if s.wide {
		s.readAll(t, s.written, packed, packed)
	}
	if old != modern { // msgpack 1 writes and reads these values as 0.6.2 does: so Go has met both
		t.Errorf("msgpack 0.6.2 differs:\n%.300v\n%.300v", old, modern)
	}
}

// goToPython checks what Python has read from Go's bytes.
func (s specimen) goToPython(t *testing.T, packed []byte, a answer) {
	if a.Read != a.Made || a.Type != s.typ {
		t.Errorf("Python reads %s %s, want %s %s", a.Type, a.Read, s.typ, a.Made)
	}
	again, err := hex.DecodeString(a.Again)
	if err != nil {
		t.Errorf("Python does not pack what it has read: %s", a.Again)
	}
	if !s.wide {
		sameBytes(t, "Python", packed, s.written)
	}
	if !s.single { // Python does not know any more that a float had four bytes
		sameBytes(t, "Python, having read Go's bytes,", again, packed)
	}
	for _, v := range s.alike {
		b, err := s.goSide.write(v)
		if err != nil {
			t.Errorf("Go does not write it as %T: %v", v, err)
		}
		sameBytes(t, fmt.Sprintf("Go, of %T,", v), b, packed)
	}
}

// pythonToGo checks what Go reads from Python's bytes.
func (s specimen) pythonToGo(t *testing.T, packed []byte, a answer) {
	rewritten := packed
	if s.single { // an any forgets the width as Python does
		again, err := hex.DecodeString(a.Again)
		if err != nil {
			t.Fatal(err)
		}
		rewritten = again
	}
	s.readAll(t, packed, packed, rewritten)
	if s.write != nil && !s.wide {
		s.readOwn(t, packed, s.write, packed)
	}
	for _, want := range s.misfits {
		got := reflect.New(reflect.TypeOf(want))
		if err := s.goSide.read(packed, got.Interface()); err == nil {
			t.Errorf("Go reads %T %.100v, want an error", want, got.Elem())
		}
	}
}

// readAll reads bytes into an any and all types that take them, and writes the values again.
func (s specimen) readAll(t *testing.T, b, rewritten, anyRewritten []byte) {
	t.Helper()
	var got any
	err := s.goSide.read(b, &got)
	if s.anyError != "" {
		if err == nil || err.Error() != s.anyError {
			t.Errorf("Go reads any %.100v, %v, want the error %s", got, err, s.anyError)
		}
	} else if err != nil || !sameValue(got, s.read) {
		t.Errorf("Go reads any %.200s, %v, want %.200s", show(got), err, show(s.read))
	} else if again, err := s.goSide.write(got); err != nil {
		t.Errorf("Go does not write what it has read: %v", err)
	} else {
		sameBytes(t, "Go, having read an any,", again, anyRewritten)
	}
	for _, want := range s.alike {
		s.readOwn(t, b, want, rewritten)
	}
	for _, want := range s.reads {
		s.readOwn(t, b, want, nil)
	}
}

// readOwn reads bytes into the type of want, and writes the value again unless rewritten is nil.
func (s specimen) readOwn(t *testing.T, b []byte, want any, rewritten []byte) {
	t.Helper()
	got := reflect.New(reflect.TypeOf(want))
	if err := s.goSide.read(b, got.Interface()); err != nil {
		t.Errorf("Go does not read it as %T: %v", want, err)
		return
	}
	v := got.Elem().Interface()
	if !sameValue(v, want) {
		t.Errorf("Go reads %T %.200v, want %.200v", want, v, want)
	}
	if rewritten == nil {
		return
	}
	again, err := s.goSide.write(v)
	if err != nil {
		t.Errorf("Go does not write %T again: %v", v, err)
	}
	sameBytes(t, fmt.Sprintf("Go, having read %T,", v), again, rewritten)
}

// sameValue compares values with their types. A NaN is one NaN here; its bits are compared where it is written again.
func sameValue(got, want any) bool {
	return reflect.DeepEqual(got, want) || cmp.Equal(got, want, cmpopts.EquateNaNs(),
		cmp.Exporter(func(reflect.Type) bool { return true }))
}

func sameBytes(t *testing.T, who string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) && !bytes.Equal(inKeyOrder(got), inKeyOrder(want)) {
		t.Errorf("%s writes %s, want %s", who, short(got), short(want))
	}
}
