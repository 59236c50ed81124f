using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>
/// A regular expression of a tokenizer file, matched as Oniguruma does: over code points, where .NET's own sees halves of
/// characters beyond the basic plane, with sets in sets. What it may cost is bounded. Thread-safe.
/// </summary>
internal sealed class TextPattern
{
    private const int MaxInstructions = 50_000;
    private const int MaxLook = 64;

    private readonly List<Instruction> program = [];
    private int loops;

    /// <exception cref="FormatException">The expression is not well-formed, or has a part that there is no code for.</exception>
    public TextPattern(string expression)
    {
        Expression = expression;
        Emit(PatternParser.Parse(expression));
        Add(Operation.Match);
    }

    private enum Operation
    {
        One,
        Point,
        Loop,
        LazyLoop,
        PossessiveLoop,
        Split,
        Jump,
        Assert,
        Ahead,
        NotAhead,
        Behind,
        NotBehind,
        Atomic,
        Enter,
        Progress,
        Match,
    }

    private enum FrameKind
    {
        Resume,
        Shorten,
        Lengthen,
        Restore,
    }

    public string Expression { get; }

    /// <summary>The matches in a text, from left to right, that do not overlap. Half surrogate pairs must not be in it.</summary>
    /// <exception cref="InvalidDataException">The expression takes more steps for this text than any reasonable one.</exception>
    public List<(int Start, int End)> FindAll(string text)
    {
        var matches = new List<(int, int)>();
        var matcher = new Matcher(this, text);
        int at = 0;
        while (at <= text.Length)
        {
            int end = matcher.Run(0, at);
            if (end >= 0)
            {
                matches.Add((at, end));
            }

            at = end > at ? end : at < text.Length && char.IsHighSurrogate(text[at]) ? at + 2 : at + 1;
        }

        return matches;
    }

    private int Add(Operation operation, int a = 0, int b = 0, CodePointSet? set = null)
    {
        if (program.Count == MaxInstructions)
        {
            throw new FormatException($"a regular expression has more than {MaxInstructions} steps");
        }

        program.Add(new Instruction(operation, a, b, set));
        return program.Count - 1;
    }

    private void Patch(int index, int a, int b) => program[index] = program[index] with { A = a, B = b };

    private void Emit(PatternParser.Node node)
    {
        switch (node)
        {
            case PatternParser.Empty:
                break;
            case PatternParser.One { Set.Single: { } point }:
                Add(Operation.Point, point);
                break;
            case PatternParser.One one:
                Add(Operation.One, set: one.Set);
                break;
            case PatternParser.Sequence sequence:
                sequence.Parts.ForEach(Emit);
                break;
            case PatternParser.Choice choice:
                EmitChoice(choice.Options);
                break;
            case PatternParser.Repeat { Inner: PatternParser.One one } repeat:
                Add(
                    repeat.Mode switch
                    {
                        PatternParser.RepeatMode.Lazy => Operation.LazyLoop,
                        PatternParser.RepeatMode.Possessive => Operation.PossessiveLoop,
                        _ => Operation.Loop,
                    },
                    repeat.Least, repeat.Most, one.Set);
                break;
            case PatternParser.Repeat { Mode: PatternParser.RepeatMode.Possessive } repeat:
                EmitInner(Operation.Atomic, repeat with { Mode = PatternParser.RepeatMode.Greedy });
                break;
            case PatternParser.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternParser.Atomic atomic:
                EmitInner(Operation.Atomic, atomic.Inner);
                break;
            case PatternParser.Look look:
                EmitLook(look);
                break;
            case PatternParser.Assertion assertion:
                Add(Operation.Assert, (int)assertion.Kind);
                break;
        }
    }

    private void EmitChoice(List<PatternParser.Node> options)
    {
        var ends = new List<int>();
        for (int i = 0; i < options.Count; i++)
        {
            bool isLast = i == options.Count - 1;
            int split = isLast ? -1 : Add(Operation.Split);
            Emit(options[i]);
            if (!isLast)
            {
                ends.Add(Add(Operation.Jump));
                Patch(split, split + 1, program.Count);
            }
        }

        foreach (int end in ends)
        {
            Patch(end, program.Count, 0);
        }
    }

    private void EmitRepeat(PatternParser.Repeat repeat)
    {
        bool lazy = repeat.Mode == PatternParser.RepeatMode.Lazy;
        for (int i = 0; i < repeat.Least; i++)
        {
            int before = program.Count;
            Emit(repeat.Inner);
            if (program.Count == before)
            {
                // Nothing, however often.
                return;
            }
        }

        if (repeat.Most == int.MaxValue)
        {
            // A round that takes nothing ends the loop.
            int loop = loops++;
            int split = Add(Operation.Split);
            Add(Operation.Enter, loop);
            Emit(repeat.Inner);
            Add(Operation.Progress, loop);
            Add(Operation.Jump, split);
            Patch(split, lazy ? program.Count : split + 1, lazy ? split + 1 : program.Count);
            return;
        }

        var splits = new List<int>();
        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            splits.Add(Add(Operation.Split));
            Emit(repeat.Inner);
        }

        foreach (int split in splits)
        {
            Patch(split, lazy ? program.Count : split + 1, lazy ? split + 1 : program.Count);
        }
    }

    private void EmitInner(Operation operation, PatternParser.Node inner)
    {
        int start = Add(operation);
        Emit(inner);
        Add(Operation.Match);
        Patch(start, program.Count, 0);
    }

    private void EmitLook(PatternParser.Look look)
    {
        if (!look.Behind)
        {
            EmitInner(look.Negative ? Operation.NotAhead : Operation.Ahead, look.Inner);
            return;
        }

        // Each alternative is matched from as far back as it is long.
        List<PatternParser.Node> options = look.Inner is PatternParser.Choice choice ? choice.Options : [look.Inner];
        var parts = new List<PatternParser.Node>();
        foreach (PatternParser.Node option in options)
        {
            int length = LengthOf(option)
                ?? throw new FormatException(
                    $"the regular expression '{Expression}' looks behind at something of no fixed length, which is not supported");
            if (length > MaxLook)
            {
                throw new FormatException($"the regular expression '{Expression}' looks further behind than {MaxLook} characters");
            }

            parts.Add(option);
        }

        if (look.Negative)
        {
            foreach (PatternParser.Node part in parts)
            {
                EmitBehind(part, negative: true);
            }

            return;
        }

        var ends = new List<int>();
        for (int i = 0; i < parts.Count; i++)
        {
            bool isLast = i == parts.Count - 1;
            int split = isLast ? -1 : Add(Operation.Split);
            EmitBehind(parts[i], negative: false);
            if (!isLast)
            {
                ends.Add(Add(Operation.Jump));
                Patch(split, split + 1, program.Count);
            }
        }

        ends.ForEach(end => Patch(end, program.Count, 0));
    }

    private void EmitBehind(PatternParser.Node inner, bool negative)
    {
        int start = Add(negative ? Operation.NotBehind : Operation.Behind);
        Emit(inner);
        Add(Operation.Match);
        Patch(start, program.Count, LengthOf(inner)!.Value);
    }

    private static int? LengthOf(PatternParser.Node node)
    {
        switch (node)
        {
            case PatternParser.One:
                return 1;
            case PatternParser.Sequence sequence:
                return sequence.Parts.Aggregate((int?)0, (sum, part) => sum + LengthOf(part));
            case PatternParser.Choice choice:
                int?[] lengths = [.. choice.Options.Select(LengthOf)];
                return Array.TrueForAll(lengths, length => length == lengths[0]) ? lengths[0] : null;
            case PatternParser.Repeat repeat when repeat.Least == repeat.Most:
                return LengthOf(repeat.Inner) is { } inner && (long)inner * repeat.Least <= int.MaxValue ? inner * repeat.Least : null;
            case PatternParser.Atomic atomic:
                return LengthOf(atomic.Inner);
            case PatternParser.Empty or PatternParser.Look or PatternParser.Assertion:
                return 0;
            default:
                return null;
        }
    }

    private readonly record struct Instruction(Operation Operation, int A, int B, CodePointSet? Set);

    /// <summary>One search through one text.</summary>
    private sealed class Matcher(TextPattern pattern, string text)
    {
        private readonly int[] entered = new int[pattern.loops];
        private Frame[] stack = new Frame[16];
        private int count;

        // Published expressions take up to about 20 steps a character.
        private long budget = 50_000_000 + 500L * text.Length;

        private record struct Frame(FrameKind Kind, int Pc, int Position, int Limit);

        /// <summary>Where the match that begins here ends; −1 if there is none.</summary>
        public int Run(int pc, int position)
        {
            ReadOnlySpan<Instruction> program = CollectionsMarshal.AsSpan(pattern.program);
            int floor = count;
            while (true)
            {
                Pay(1);
                Instruction instruction = program[pc];
                bool goesOn = true;
                switch (instruction.Operation)
                {
                    case Operation.Point:
                        goesOn = position < text.Length && PointAt(position, out int width) == instruction.A;
                        position += goesOn ? Width(instruction.A) : 0;
                        pc++;
                        break;
                    case Operation.One:
                        goesOn = position < text.Length && instruction.Set!.Contains(PointAt(position, out width))
                        && Step(ref position, width);
                        pc++;
                        break;
                    case Operation.Loop:
                    case Operation.PossessiveLoop:
                        goesOn = TryLoop(instruction, ref position, out int least);
                        if (goesOn && position > least && instruction.Operation == Operation.Loop)
                        {
                            Push(new Frame(FrameKind.Shorten, pc + 1, position, least));
                        }

                        pc++;
                        break;
                    case Operation.LazyLoop:
                        goesOn = TryLoop(instruction with { B = instruction.A }, ref position, out _);
                        if (goesOn && instruction.B > instruction.A)
                        {
                            Push(new Frame(FrameKind.Lengthen, pc, position, instruction.B - instruction.A));
                        }

                        pc++;
                        break;
                    case Operation.Split:
                        Push(new Frame(FrameKind.Resume, instruction.B, position, 0));
                        pc = instruction.A;
                        break;
                    case Operation.Jump:
                        pc = instruction.A;
                        break;
                    case Operation.Assert:
                        goesOn = Holds((PatternParser.AssertionKind)instruction.A, position);
                        pc++;
                        break;
                    case Operation.Enter:
                        Push(new Frame(FrameKind.Restore, instruction.A, entered[instruction.A], 0));
                        entered[instruction.A] = position;
                        pc++;
                        break;
                    case Operation.Progress:
                        // Past the jump back, where nothing was taken.
                        pc += entered[instruction.A] == position ? 2 : 1;
                        break;
                    case Operation.Atomic:
                        int inner = Run(pc + 1, position);
                        goesOn = inner >= 0;
                        position = inner;
                        pc = instruction.A;
                        break;
                    case Operation.Ahead:
                    case Operation.NotAhead:
                        goesOn = Run(pc + 1, position) >= 0 == (instruction.Operation == Operation.Ahead);
                        pc = instruction.A;
                        break;
                    case Operation.Behind:
                    case Operation.NotBehind:
                        int back = Back(position, instruction.B);
                        goesOn = (back >= 0 && Run(pc + 1, back) == position) == (instruction.Operation == Operation.Behind);
                        pc = instruction.A;
                        break;
                    case Operation.Match:
                        count = floor;
                        return position;
                }

                if (!goesOn && !Backtrack(floor, ref pc, ref position))
                {
                    return -1;
                }
            }
        }

        private static bool Step(ref int position, int width)
        {
            position += width;
            return true;
        }

        private static int Width(int point) => point >= 0x10000 ? 2 : 1;

        private bool Backtrack(int floor, ref int pc, ref int position)
        {
            ReadOnlySpan<Instruction> program = CollectionsMarshal.AsSpan(pattern.program);
            while (count > floor)
            {
                Pay(1);
                ref Frame frame = ref stack[count - 1];
                switch (frame.Kind)
                {
                    case FrameKind.Resume:
                        (pc, position) = (frame.Pc, frame.Position);
                        count--;
                        return true;
                    case FrameKind.Restore:
                        entered[frame.Pc] = frame.Position;
                        count--;
                        break;
                    case FrameKind.Shorten:
                        frame.Position = Back(frame.Position, 1);
                        (pc, position) = (frame.Pc, frame.Position);
                        if (frame.Position <= frame.Limit)
                        {
                            count--;
                        }

                        return true;
                    case FrameKind.Lengthen:
                        if (frame.Position < text.Length && program[frame.Pc].Set!.Contains(PointAt(frame.Position, out int width)))
                        {
                            frame.Position += width;
                            (pc, position) = (frame.Pc + 1, frame.Position);
                            if (frame.Limit != int.MaxValue && --frame.Limit == 0)
                            {
                                count--;
                            }

                            return true;
                        }

                        count--;
                        break;
                }
            }

            return false;
        }

        private bool TryLoop(in Instruction instruction, ref int position, out int least)
        {
            CodePointSet set = instruction.Set!;
            int taken = 0;
            int begin = position;
            least = position;
            while (taken < instruction.B && position < text.Length && set.Contains(PointAt(position, out int width)))
            {
                position += width;
                if (++taken == instruction.A)
                {
                    least = position;
                }
            }

            Pay(position - begin);
            return taken >= instruction.A;
        }

        private bool Holds(PatternParser.AssertionKind kind, int position)
        {
            switch (kind)
            {
                case PatternParser.AssertionKind.TextBegin:
                    return position == 0;
                case PatternParser.AssertionKind.TextEnd:
                    return position == text.Length;
                case PatternParser.AssertionKind.TextEndOrLastBreak:
                    return position == text.Length || (position == text.Length - 1 && text[position] == '\n');
                case PatternParser.AssertionKind.LineBegin:
                    return position == 0 || (text[position - 1] == '\n' && position < text.Length);
                case PatternParser.AssertionKind.LineEnd:
                    return position == text.Length || text[position] == '\n';
                default:
                    bool before = position > 0 && CodePointSet.WordCharacters.Contains(PointAt(Back(position, 1), out _));
                    bool after = position < text.Length && CodePointSet.WordCharacters.Contains(PointAt(position, out _));
                    return before != after == (kind == PatternParser.AssertionKind.WordBoundary);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private int PointAt(int position, out int width)
        {
            char unit = text[position];
            if (char.IsHighSurrogate(unit) && position + 1 < text.Length)
            {
                width = 2;
                return char.ConvertToUtf32(unit, text[position + 1]);
            }

            width = 1;
            return unit;
        }

        /// <summary>The position this many code points before another; −1 before the text.</summary>
        private int Back(int position, int points)
        {
            for (; points > 0 && position >= 0; points--)
            {
                position -= position >= 2 && char.IsLowSurrogate(text[position - 1]) ? 2 : 1;
            }

            return position;
        }

        private void Push(Frame frame)
        {
            if (count == stack.Length)
            {
                Array.Resize(ref stack, stack.Length * 2);
            }

            stack[count++] = frame;
        }

        private void Pay(int steps)
        {
            budget -= steps;
            if (budget < 0)
            {
                throw new InvalidDataException(
                    $"The tokenizer's regular expression '{pattern.Expression}' takes too many steps for this text.");
            }
        }
    }
}
