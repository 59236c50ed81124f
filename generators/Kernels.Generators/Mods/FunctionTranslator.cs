using Kernels.Compiler.Specs;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <summary>
/// Writes one method as a function. All lanes go the same way through it, so that an <c>if</c> on something that differs from
/// lane to lane becomes a mask: assignments under it select, and a return under it is remembered to the end.
/// </summary>
/// <remarks>
/// What is the same in all lanes stays a scalar. It is taken to be so until an attempt shows otherwise; then the function is
/// written again, knowing more, until nothing new turns up.
/// </remarks>
internal sealed partial class FunctionTranslator(ModTranslator mod, FunctionInstance instance)
{
    private readonly IMethodSymbol method = instance.Method;

    // What is known to differ from lane to lane. These only grow, so that the attempts end.
    private readonly HashSet<ISymbol> varying = new(SymbolEqualityComparer.Default);
    private readonly HashSet<IOperation> lanewiseIfs = [];
    private bool returnsUniform = !instance.IsEntry;
    private bool isRevised;

    // What belongs to one attempt.
    private readonly Dictionary<ISymbol, Variable> variables = new(SymbolEqualityComparer.Default);
    private readonly List<(Mask Mask, LaneValue Value)> returns = [];
    private readonly List<ModFinding> findings = [];
    private HashSet<ISymbol> assigned = [];
    private CodeWriter writer = new();
    private LaneNames names = new();
    private Mask? root;
    private Loop? loop;
    private bool isValid;

    /// <summary>The type whose static methods may be called.</summary>
    private INamedTypeSymbol Type => method.ContainingType;

    public void Translate()
    {
        if (mod.Body(method) is not { } body)
        {
            mod.Report(new(ModRules.Construct, method.Locations[0], $"{method.Name}, a method without a body,", "give it one"));
            return;
        }

        assigned = AssignedIn(body);
        bool isTranslated;
        do
        {
            isTranslated = Attempt(body);
        }
        while (isRevised);

        findings.ForEach(mod.Report);
        if (!isValid)
        {
            mod.Invalidate();
        }

        instance.Text = writer.ToString();
        instance.ReturnsUniform = returnsUniform;
        instance.IsTranslated = isTranslated;
    }

    private bool Attempt(IOperation body)
    {
        isRevised = false;
        isValid = true;
        variables.Clear();
        returns.Clear();
        findings.Clear();
        instance.Callees.Clear();
        instance.Helpers.Clear();
        instance.HasProduct = instance.HasSum = false;
        writer = new CodeWriter();
        names = new LaneNames();
        loop = null;
        root = null;

        if (KindOf(method.ReturnType) is not { } returnType)
        {
            RefuseDeclared(method.ReturnType, method.Locations[0], $"The result of {method.Name}");
            return false;
        }

        var parameters = new List<string>();
        var copies = new List<string>();
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            Declare(parameter, parameters, copies);
        }

        if (instance.IsGuarded)
        {
            string active = names.Take("active");
            parameters.Add($"lanes_int {active}");
            root = new Mask(new(active, Binding.Primary, LaneType.Bool, false));
        }

        if (instance.IsEntry)
        {
            writer.Add($"// {LaneNames.Ascii(method.Name)}, translated from C#.");
        }

        string name = instance.IsEntry ? mod.Kind.Prefix : instance.Placeholder;
        writer.Open($"static {Vocabulary.TypeOf(returnType, returnsUniform)} {name}({string.Join(", ", parameters)})");
        copies.ForEach(copy => writer.Add(copy));
        Statements([body], root);
        if (returns.Count > 0)
        {
            LaneValue result = returns[returns.Count - 1].Value;
            for (int i = returns.Count - 2; i >= 0; i--)
            {
                result = Select(result, returns[i].Value, returns[i].Mask.Condition);
            }

            writer.Add($"return {Widen(result).Text};");
        }

        writer.Close();
        return findings.Count == 0 && isValid;
    }

    /// <summary>Declares a parameter; one that is assigned other values in some lanes than in others gets a copy in lanes.</summary>
    private void Declare(IParameterSymbol parameter, List<string> parameters, List<string> copies)
    {
        string name = names.Variable(parameter.Name);
        if (parameter.RefKind != RefKind.None)
        {
            RefuseParameter(parameter, "is passed by reference");
        }
        else if (BufferOf(parameter.Type) is { } element)
        {
            variables[parameter] = new(name, element, IsUniform: true, root) { IsBuffer = true };
            parameters.Add($"global const {Vocabulary.TypeOf(element, isUniform: true)}* {name}");
        }
        else if (KindOf(parameter.Type) is { } type)
        {
            bool isUniform = instance.Uniform[parameter.Ordinal];
            parameters.Add($"{Vocabulary.TypeOf(type, isUniform)} {name}");
            if (isUniform && varying.Contains(parameter))
            {
                string copy = names.Take(name);
                copies.Add($"{Vocabulary.TypeOf(type, isUniform: false)} {copy} = {Widen(new(name, Binding.Primary, type, true)).Text};");
                (name, isUniform) = (copy, false);
            }

            variables[parameter] = new(name, type, isUniform, root)
            {
                IsMutable = assigned.Contains(parameter),
                Range = instance.IsEntry && !assigned.Contains(parameter) ? RangeOf(parameter) : IntRange.Full,
            };
        }
        else if (parameter.Type.TypeKind == TypeKind.Error)
        {
            isValid = false;
        }
        else
        {
            RefuseParameter(parameter, $"is {A(parameter.Type)}");
        }
    }

    /// <summary>What is promised of a mod's fixed parameters.</summary>
    private IntRange RangeOf(IParameterSymbol parameter) => parameter.Ordinal >= mod.Kind.Parameters.Count
        ? IntRange.Full
        : mod.Kind.Parameters[parameter.Ordinal].Name switch
        {
            "head" => new(0, SpecLimits.MaxHeads - 1),
            "batch" or "query" or "key" => IntRange.NotNegative,
            _ => IntRange.Full,
        };

    /// <summary>Notes that something differs from lane to lane; if that is new, there will be another attempt.</summary>
    private void Revise(bool isNew) => isRevised |= isNew;

    public static HashSet<ISymbol> AssignedIn(IOperation body)
    {
        var symbols = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        foreach (IOperation operation in body.DescendantsAndSelf())
        {
            IOperation? target = operation switch
            {
                IAssignmentOperation assignment => assignment.Target,
                IIncrementOrDecrementOperation increment => increment.Target,
                _ => null,
            };
            if (target is not null && SymbolOf(target) is { } symbol)
            {
                symbols.Add(symbol);
            }
        }

        return symbols;
    }

    public static ISymbol? SymbolOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation local => local.Local,
        IParameterReferenceOperation parameter => parameter.Parameter,
        _ => null,
    };

    /// <summary>The type of values of a C# type, or null.</summary>
    private static LaneType? KindOf(ITypeSymbol? type) => type?.SpecialType switch
    {
        SpecialType.System_Boolean => LaneType.Bool,
        SpecialType.System_Int32 => LaneType.Int,
        SpecialType.System_Single => LaneType.Float,
        _ => null,
    };

    /// <summary>The elements of a ReadOnlySpan of int or float, or null.</summary>
    public static LaneType? BufferOf(ITypeSymbol? type) =>
        type is INamedTypeSymbol { Name: "ReadOnlySpan", Arity: 1, ContainingType: null } span
        && span.ContainingNamespace is { Name: "System", ContainingNamespace.IsGlobalNamespace: true }
        && KindOf(span.TypeArguments[0]) is { } element and not LaneType.Bool
            ? element
            : null;

    /// <summary>A local variable or parameter.</summary>
    /// <param name="Name">Its name in the function.</param>
    /// <param name="Type">Its type, or that of its elements.</param>
    /// <param name="IsUniform">Whether it is a scalar.</param>
    /// <param name="DeclaredUnder">
    /// The mask under which it was declared: where that one is in force, no lane has another value to keep.
    /// </param>
    private sealed record Variable(string Name, LaneType Type, bool IsUniform, Mask? DeclaredUnder)
    {
        public bool IsBuffer { get; init; }

        public bool IsMutable { get; init; }

        public IntRange Range { get; init; } = IntRange.Full;
    }

    /// <summary>The lanes that a statement is for. Masks are compared as objects: the same one means the same lanes.</summary>
    private sealed class Mask(LaneValue condition)
    {
        public LaneValue Condition { get; set; } = condition;

        /// <summary>Whether the condition is a name, with or without a "!".</summary>
        public bool IsShort => Condition.IsSimple || Condition.Text[0] == '!';
    }

    /// <summary>A loop around a statement.</summary>
    /// <param name="Outer">The loop around it.</param>
    /// <param name="Running">The variable with the lanes that are still in the loop, or null while all leave it together.</param>
    /// <param name="Returned">
    /// The variable with the lanes that have returned from inside, and the one with their results; for a loop with a Running.
    /// </param>
    /// <param name="BodyMask">The mask at the start of the body.</param>
    private sealed record Loop(Loop? Outer, string? Running, (string Lanes, string Result)? Returned, Mask? BodyMask);
}
