using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <content>Values in lanes and scalars, and how they combine.</content>
internal sealed partial class FunctionTranslator
{
    /// <summary>A scalar as a value in every lane; what is in lanes already stays.</summary>
    private static LaneValue Widen(LaneValue value)
    {
        if (!value.IsUniform)
        {
            return value;
        }

        string type = Vocabulary.TypeOf(value.Type, isUniform: false);
        bool isBare = value.Constant is null || value.Text[0] != '(';
        string text = value.Constant is false ? $"({type})(0)" : isBare ? $"({type})({value.Text})" : $"({type}){value.Text}";
        return value.Type == LaneType.Bool && value.Constant is not false
            ? value with { Text = $"{text} != 0", Binding = Binding.Equality, IsUniform = false } // "true" has all bits set in a vector
            : value with { Text = text, Binding = Binding.Unary, IsUniform = false, Unsigned = null };
    }

    private static LaneValue Zero(LaneType type) => type switch
    {
        LaneType.Bool => LaneValue.Of(false),
        LaneType.Int => LaneValue.Of(0),
        _ => LaneValue.Of(0f),
    };

    /// <summary>A value that may be repeated: a literal, a name, or a new name for what is calculated here.</summary>
    private LaneValue Named(LaneValue value, string stem = "value")
    {
        if (value.IsSimple)
        {
            return value;
        }

        string name = names.Number(stem);
        writer.Add($"const {Vocabulary.TypeOf(value.Type, value.IsUniform)} {name} = {value.Text};");
        return new(name, Binding.Primary, value.Type, value.IsUniform) { Range = value.Range };
    }

    private static LaneValue Not(LaneValue value)
    {
        if (value.Constant is bool constant)
        {
            return LaneValue.Of(!constant);
        }

        return value.Binding == Binding.Unary && value.Text[0] == '!'
            ? value with { Text = value.Text.Substring(1), Binding = Binding.Primary }
            : new($"!{value.In(Binding.Primary)}", Binding.Unary, LaneType.Bool, value.IsUniform);
    }

    /// <summary>Where a mask and a condition hold.</summary>
    private static LaneValue Both(Mask? mask, LaneValue condition) =>
        mask is null ? Widen(condition) : Logical(mask.Condition, true, condition);

    private static LaneValue Logical(LaneValue left, bool isAnd, LaneValue right)
    {
        if (left.Constant is bool first)
        {
            return first == isAnd ? right : left;
        }

        if (right.Constant is bool second && second == isAnd)
        {
            return left;
        }

        Binding binding = isAnd ? Binding.And : Binding.Or;
        string a = left.Binding == binding ? left.Text : left.In(Binding.BitOr), b = right.In(Binding.BitOr);
        return new($"{a} {(isAnd ? "&&" : "||")} {b}", binding, LaneType.Bool, left.IsUniform && right.IsUniform);
    }

    private static LaneValue Select(LaneValue ifFalse, LaneValue ifTrue, LaneValue condition)
    {
        IntRange range = ifFalse.Range.Union(ifTrue.Range);
        if (!condition.IsUniform)
        {
            return new(
                $"lanes_select({Widen(ifFalse).Text}, {Widen(ifTrue).Text}, {condition.Text})",
                Binding.Primary, ifFalse.Type, false) { Range = range };
        }

        bool isUniform = ifFalse.IsUniform && ifTrue.IsUniform;
        (LaneValue a, LaneValue b) = isUniform ? (ifTrue, ifFalse) : (Widen(ifTrue), Widen(ifFalse));
        return new(
            $"{condition.In(Binding.Or)} ? {a.In(Binding.Or)} : {b.In(Binding.Or)}",
            Binding.Conditional, ifFalse.Type, isUniform) { Range = range };
    }

    private static LaneValue Infix(LaneValue left, string @operator, LaneValue right, Binding binding, LaneType type)
    {
        // A scalar beside lanes is spread over them by OpenCL C itself; a bool would be spread as 1.
        if (left.IsUniform != right.IsUniform && (left.Type == LaneType.Bool || right.Type == LaneType.Bool))
        {
            (left, right) = (Widen(left), Widen(right));
        }

        // Parentheses where C does without but a reader doesn't.
        (Binding forLeft, Binding forRight) = binding switch
        {
            Binding.Sum => (Binding.Sum, Binding.Product),
            Binding.Product => (Binding.Product, Binding.Unary),
            Binding.Equality or Binding.Relational => (Binding.Sum, Binding.Sum),
            _ => (Binding.Unary, Binding.Unary),
        };
        return new($"{left.In(forLeft)} {@operator} {right.In(forRight)}", binding, type, left.IsUniform && right.IsUniform);
    }

    /// <summary>A built-in function of OpenCL C whose arguments all have its shape.</summary>
    public static LaneValue Builtin(string name, LaneType type, params LaneValue[] arguments)
    {
        bool isUniform = arguments.All(argument => argument.IsUniform);
        IEnumerable<string> texts = arguments.Select(argument => (isUniform ? argument : Widen(argument)).Text);
        return new($"{name}({string.Join(", ", texts)})", Binding.Primary, type, isUniform);
    }

    /// <summary>The same bits as another type.</summary>
    public static LaneValue Bits(LaneType type, LaneValue value)
    {
        string name = (type == LaneType.Int ? "int" : "float");
        return new($"{(value.IsUniform ? "as_" : "as_lanes_")}{name}({value.Text})", Binding.Primary, type, value.IsUniform);
    }

    /// <summary>A call of a helper, which will be part of the mod's text.</summary>
    public LaneValue Help(LaneHelper helper, params LaneValue[] arguments)
    {
        bool isUniform = arguments.All(argument => argument.IsUniform);
        instance.Helpers.Add((helper, isUniform));
        return Builtin(helper.FullName(mod.Kind.Prefix, isUniform), helper.Result, arguments);
    }

    public static LaneValue Compare(LaneValue left, string @operator, LaneValue right) =>
        Infix(left, @operator, right, @operator is "==" or "!=" ? Binding.Equality : Binding.Relational, LaneType.Bool);
}
