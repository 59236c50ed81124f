using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>
/// Reads texts of a grammar byte by byte. A state is a set of stacks, one for each way to read the text so far; states and the steps
/// between them are made when they are first met and kept. Not thread-safe.
/// </summary>
internal sealed class JsonMachine
{
    /// <summary>The state of a text that is not of the grammar.</summary>
    public const int Dead = -1;

    private const int Unknown = -2;
    private const int MaxStates = 20_000;
    private const int MaxStacks = 200_000;
    private const int MaxStacksOfState = 256;
    private const int MaxDepth = 64;
    private const int MaxSpace = 20;
    private const int MaxDigits = 15;
    private const int MaxExponentDigits = 2;
    private const int Done = 0;

    private enum Part : byte
    {
        Value,
        Literal,
        String,
        Number,
        ArrayFirst,
        ArrayNext,
        ObjectFirst,
        ObjectKey,
        ObjectNext,
        Key,
        ExtraKey,
        Colon,
    }

    // A: white space in a row, a place in a trie, or the state of a string or number. B: characters, digits, items, or the next property.
    private readonly record struct Frame(Part Part, int Node, int A = 0, int B = 0);

    // Places within a string. From Continue1 on, bytes of a character are missing.
    private const int Plain = 0, Escape = 1, Hex1 = 2, Hex2 = 3, Hex2Low = 4, Hex3 = 5, Hex4 = 6;
    private const int Continue1 = 7, Continue2 = 8, Continue3 = 9, AfterE0 = 10, AfterED = 11, AfterF0 = 12, AfterF4 = 13;

    // Places within a number.
    private const int Minus = 0, Zero = 1, Digits = 2, Point = 3, Fraction = 4, Exponent = 5, Sign = 6, ExponentDigits = 7;

    private readonly JsonGrammar grammar;
    private readonly List<(Frame Top, int Below, int Depth)> stacks = [(default, -1, 0)];
    private readonly Dictionary<(Frame, int), int> stackIds = [];
    private readonly List<int[]> states = [];
    private readonly List<int[]> steps = [];
    private readonly Dictionary<string, int> stateIds = new(StringComparer.Ordinal);
    private readonly List<int> reached = [];

    public JsonMachine(JsonGrammar grammar)
    {
        this.grammar = grammar;
        Start = StateOf([Push(new Frame(Part.Value, grammar.Root), Done)]);
    }

    /// <summary>The state before the first byte.</summary>
    public int Start { get; }

    /// <summary>Whether a text in this state is whole.</summary>
    public bool MayEnd(int state) =>
        state >= 0
        && Array.Exists(states[state], stack => stack == Done || (stacks[stack].Below == Done && IsWholeNumber(stacks[stack].Top)));

    /// <summary>Whether a text in this state is whole, and nothing can follow.</summary>
    public bool MustEnd(int state) => state >= 0 && states[state] is [Done];

    /// <summary>The state after one more byte; <see cref="Dead"/> where none of the grammar's texts goes on so.</summary>
    /// <exception cref="JsonSchemaException">There are more states than are kept.</exception>
    public int Next(int state, byte b)
    {
        int next = steps[state][b];
        return next != Unknown ? next : Make(state, b);
    }

    private int Make(int state, byte b)
    {
        reached.Clear();
        foreach (int stack in states[state])
        {
            if (stack != Done)
            {
                Step(stack, b);
            }
        }

        int next = Dead;
        if (reached.Count > 0)
        {
            int[] set = [.. reached.Distinct().Order()];
            next = set.Length <= MaxStacksOfState
                ? StateOf(set) : throw new JsonSchemaException("#", "it leaves too many ways to read a reply");
        }

        steps[state][b] = next;
        return next;
    }

    private int StateOf(int[] set)
    {
        string key = new(MemoryMarshal.Cast<int, char>(set));
        if (!stateIds.TryGetValue(key, out int state))
        {
            if (states.Count == MaxStates)
            {
                throw new JsonSchemaException("#", $"replies to it take more than {MaxStates} states");
            }

            state = states.Count;
            states.Add(set);
            var unknown = new int[256];
            Array.Fill(unknown, Unknown);
            steps.Add(unknown);
            stateIds.Add(key, state);
        }

        return state;
    }

    private int Push(Frame frame, int below)
    {
        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(stackIds, (frame, below), out bool known);
        if (!known)
        {
            if (stacks.Count == MaxStacks)
            {
                stackIds.Remove((frame, below));
                throw new JsonSchemaException("#", "replies to it take too many states");
            }

            id = stacks.Count;
            stacks.Add((frame, below, stacks[below].Depth + 1));
        }

        return id;
    }

    private void Step(int stack, byte b)
    {
        (Frame top, int below, _) = stacks[stack];
        bool space = b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';
        if (space && top.Part is not (Part.Literal or Part.String or Part.Number or Part.Key or Part.ExtraKey))
        {
            if (top.A < MaxSpace)
            {
                reached.Add(Push(top with { A = top.A + 1 }, below));
            }

            return;
        }

        JsonNodeRule rule = grammar[top.Node];
        switch (top.Part)
        {
            case Part.Value:
                Begin(top.Node, below, b);
                break;
            case Part.Literal:
                StepLiteral(top.Node, top.A, below, b);
                break;
            case Part.Number:
                StepNumber(top, below, b);
                break;
            case Part.String when b == '"' && top.A == Plain:
                if (top.B >= rule.Least)
                {
                    reached.Add(below);
                }

                break;
            case Part.String:
                StepString(top, rule, below, b);
                break;
            case Part.ArrayFirst when b == ']':
                if (rule.Least == 0)
                {
                    reached.Add(below);
                }

                break;
            case Part.ArrayFirst:
                if (rule.Most != 0)
                {
                    Begin(rule.Item, Push(new Frame(Part.ArrayNext, top.Node, 0, Count(1, rule)), below), b);
                }

                break;
            case Part.ArrayNext when b == ',' && (rule.Most < 0 || top.B < rule.Most):
                reached.Add(
                    Push(new Frame(Part.Value, rule.Item), Push(new Frame(Part.ArrayNext, top.Node, 0, Count(top.B + 1, rule)), below)));
                break;
            case Part.ArrayNext when b == ']' && top.B >= rule.Least:
                reached.Add(below);
                break;
            case Part.ObjectFirst or Part.ObjectNext when b == '}':
                if (rule.NextRequired(top.B) == rule.Properties.Count)
                {
                    reached.Add(below);
                }

                break;
            case Part.ObjectNext when b == ',' && (top.B < rule.Properties.Count || rule.Additional >= 0):
                reached.Add(Push(new Frame(Part.ObjectKey, top.Node, 0, top.B), below));
                break;
            case Part.ObjectFirst or Part.ObjectKey when b == '"':
                BeginKey(top.Node, rule, top.B, below);
                break;
            case Part.Key:
                StepKey(top, rule, below, b);
                break;
            case Part.ExtraKey:
                StepExtraKey(top, rule, below, b);
                break;
            case Part.Colon when b == ':':
                bool extra = top.B == rule.Properties.Count;
                int next = Push(new Frame(Part.ObjectNext, top.Node, 0, extra ? top.B : top.B + 1), below);
                reached.Add(Push(new Frame(Part.Value, extra ? rule.Additional : rule.Properties[top.B].Value), next));
                break;
        }
    }

    // Counts that make no difference any more are one.
    private static int Count(int count, JsonNodeRule rule) => Math.Min(count, Math.Max(rule.Least, rule.Most));

    private void Begin(int node, int below, byte b)
    {
        JsonNodeRule rule = grammar[node];
        switch (rule.Kind)
        {
            case JsonNodeKind.Any:
                foreach (int choice in rule.Choices)
                {
                    Begin(choice, below, b);
                }

                break;
            case JsonNodeKind.Literals:
                StepLiteral(node, 0, below, b);
                break;
            case JsonNodeKind.Number or JsonNodeKind.Integer when b is (byte)'-' or (>= (byte)'0' and <= (byte)'9'):
                reached.Add(Push(new Frame(Part.Number, node, b == '-' ? Minus : b == '0' ? Zero : Digits, 1), below));
                break;
            case JsonNodeKind.String when b == '"':
                reached.Add(Push(new Frame(Part.String, node), below));
                break;
            case JsonNodeKind.Array when b == '[' && stacks[below].Depth < MaxDepth:
                reached.Add(Push(new Frame(Part.ArrayFirst, node), below));
                break;
            case JsonNodeKind.Object when b == '{' && stacks[below].Depth < MaxDepth:
                reached.Add(Push(new Frame(Part.ObjectFirst, node), below));
                break;
        }
    }

    private void StepLiteral(int node, int place, int below, byte b)
    {
        ByteTrie texts = grammar[node].Texts!;
        int next = texts.Next(place, b);
        if (next < 0)
        {
            return;
        }

        if (texts.HasNext(next))
        {
            reached.Add(Push(new Frame(Part.Literal, node, next), below));
        }

        if (texts.End(next) >= 0)
        {
            reached.Add(below);
        }
    }

    private static bool IsWholeNumber(Frame frame) => frame is { Part: Part.Number, A: Zero or Digits or Fraction or ExponentDigits };

    private void StepNumber(Frame top, int below, byte b)
    {
        bool digit = b is >= (byte)'0' and <= (byte)'9';
        bool integer = grammar[top.Node].Kind == JsonNodeKind.Integer;
        (int place, int count) = top.A switch
        {
            Minus when digit => (b == '0' ? Zero : Digits, 1),
            Digits when digit && top.B < MaxDigits => (Digits, top.B + 1),
            Zero or Digits when b == '.' && !integer => (Point, 0),
            Point when digit => (Fraction, 1),
            Fraction when digit && top.B < MaxDigits => (Fraction, top.B + 1),
            Zero or Digits or Fraction when (b | 0x20) == 'e' && !integer => (Exponent, 0),
            Exponent when b is (byte)'+' or (byte)'-' => (Sign, 0),
            Exponent or Sign when digit => (ExponentDigits, 1),
            ExponentDigits when digit && top.B < MaxExponentDigits => (ExponentDigits, top.B + 1),
            _ => (-1, 0),
        };
        if (place >= 0)
        {
            reached.Add(Push(new Frame(Part.Number, top.Node, place, count), below));
        }
        else if (IsWholeNumber(top) && !digit && below != Done)
        {
            // A number ends where something else begins.
            Step(below, b);
        }
    }

    private void StepString(Frame top, JsonNodeRule rule, int below, byte b)
    {
        bool full = rule.Most >= 0 && top.B >= rule.Most;
        int place = top.A == Plain && b == '\\' ? (full ? -1 : Escape) : StepCharacter(top.A, b);
        if (place >= 0 && !(full && top.A == Plain))
        {
            reached.Add(Push(new Frame(Part.String, top.Node, place, place == Plain ? Count(top.B + 1, rule) : top.B), below));
        }
    }

    /// <summary>The place in a string after a byte of a character; −1 where it cannot come there.</summary>
    private static int StepCharacter(int place, byte b)
    {
        bool hex = b is (>= (byte)'0' and <= (byte)'9') or (>= (byte)'a' and <= (byte)'f') or (>= (byte)'A' and <= (byte)'F');
        bool follows = b is >= 0x80 and <= 0xBF;
        return place switch
        {
            Plain => b switch
            {
                < 0x20 or (byte)'"' or (byte)'\\' => -1,
                < 0x80 => Plain,
                < 0xC2 => -1,
                < 0xE0 => Continue1,
                0xE0 => AfterE0,
                0xED => AfterED,
                < 0xF0 => Continue2,
                0xF0 => AfterF0,
                < 0xF4 => Continue3,
                0xF4 => AfterF4,
                _ => -1,
            },
            Escape => b == 'u' ? Hex1 : b is (byte)'"' or (byte)'\\' or (byte)'/' or (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r'
                or (byte)'t' ? Plain : -1,

            // Halves of surrogate pairs are not written; such characters come as themselves.
            Hex1 => !hex ? -1 : (b | 0x20) == 'd' ? Hex2Low : Hex2,
            Hex2 => hex ? Hex3 : -1,
            Hex2Low => b is >= (byte)'0' and <= (byte)'7' ? Hex3 : -1,
            Hex3 => hex ? Hex4 : -1,
            Hex4 => hex ? Plain : -1,
            Continue1 => follows ? Plain : -1,
            Continue2 => follows ? Continue1 : -1,
            Continue3 => follows ? Continue2 : -1,
            AfterE0 => b is >= 0xA0 and <= 0xBF ? Continue1 : -1,
            AfterED => b is >= 0x80 and <= 0x9F ? Continue1 : -1,
            AfterF0 => b is >= 0x90 and <= 0xBF ? Continue2 : -1,
            _ => b is >= 0x80 and <= 0x8F ? Continue2 : -1,
        };
    }

    private void BeginKey(int node, JsonNodeRule rule, int first, int below)
    {
        if (first < rule.Properties.Count)
        {
            reached.Add(Push(new Frame(Part.Key, node, 0, first), below));
        }

        if (rule.Additional >= 0 && rule.NextRequired(first) == rule.Properties.Count)
        {
            // In A, the place in a character and, from 1, that among the names of properties, as long as the key begins like one.
            reached.Add(Push(new Frame(Part.ExtraKey, node, 16, rule.Properties.Count), below));
        }
    }

    private void StepKey(Frame top, JsonNodeRule rule, int below, byte b)
    {
        ByteTrie names = rule.Texts!;
        int next = names.Next(top.A, b);

        // Up to the next required one, which cannot be left out.
        if (next < 0 || !names.Reaches(next, top.B, rule.NextRequired(top.B)))
        {
            return;
        }

        // A name ends with its quote, so none begins another.
        reached.Add(names.End(next) >= 0
            ? Push(new Frame(Part.Colon, top.Node, 0, names.End(next)), below)
            : Push(top with { A = next }, below));
    }

    private void StepExtraKey(Frame top, JsonNodeRule rule, int below, byte b)
    {
        int character = top.A & 15;
        int name = (top.A >> 4) - 1;
        int nextName = name < 0 ? -1 : rule.Texts!.Next(name, b);
        if (b == '"' && character == Plain)
        {
            if (nextName < 0 || rule.Texts!.End(nextName) < 0)
            {
                reached.Add(Push(new Frame(Part.Colon, top.Node, 0, rule.Properties.Count), below));
            }

            return;
        }

        int next = StepCharacter(character, b);
        if (next >= 0)
        {
            reached.Add(Push(top with { A = ((nextName + 1) << 4) | next }, below));
        }
    }
}
