using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Mods;

/// <summary>The rules on methods with [ScoreMod] or [MaskMod] and on what they call.</summary>
internal static class ModRules
{
    public static readonly SpecRule NotStatic = SpecRule.Error("KA0301", "Mod is not static",
        "{0} must be static: a kernel has no object to call it on");

    public static readonly SpecRule Signature = SpecRule.Error("KA0302", "Mod has the wrong signature",
        "{0} {1}; a method with [{2}] returns {3} and begins with the parameters ({4})");

    public static readonly SpecRule SecondMod = SpecRule.Error("KA0303", "Second mod of one kind",
        "{0} has [{1}], as {2} has; a spec has one such method, which may call other static methods of the type");

    public static readonly SpecRule NoSpec = SpecRule.Warning("KA0304", "Mod without a spec",
        "{0} has [{1}], but {2} has no [AttentionKernel], so that no kernel calls it");

    public static readonly SpecRule InputType = SpecRule.Error("KA0305", "Parameter cannot be an argument of a kernel",
        "Parameter {0} {1}; it must be {2}");

    public static readonly SpecRule Type = SpecRule.Error("KA0306", "Type has no counterpart in a kernel",
        "{0} is {1}, and a mod calculates in int, float and bool; {2}");

    public static readonly SpecRule Method = SpecRule.Error("KA0307", "Method has no counterpart in a kernel",
        "{0} has no exact counterpart in a kernel; {1}");

    public static readonly SpecRule Construct = SpecRule.Error("KA0308", "Construct cannot be translated to a kernel",
        "{0} cannot be translated to a kernel; {1}");

    public static readonly SpecRule Recursion = SpecRule.Error("KA0309", "Mod is recursive",
        "{0} is called while it runs, and a kernel has no stack; write a for loop");

    public static readonly SpecRule LoopForm = SpecRule.Error("KA0310", "Loop is not a counted one",
        "{0}; write for (int i = first; i < end; i += step), with a constant step towards the end and i and end left alone in the body");

    public static readonly SpecRule LoopBound = SpecRule.Error("KA0311", "Loop runs differently for different scores",
        "{0} depends on the score, head or position, and a kernel runs a loop for many of them at once; "
            + "loop to a bound that is a constant or a scalar input, and leave the loop with break");

    public static readonly SpecRule Outside = SpecRule.Error("KA0312", "Value is not known to a kernel",
        "{0} is read when the method runs, which a kernel cannot; make it a const, or pass it as a parameter of the mod");

    public static readonly SpecRule Checked = SpecRule.Error("KA0313", "Overflow check",
        "{0} would throw on overflow, which a kernel cannot; write it as {1}");

    public static readonly SpecRule InputClash = SpecRule.Error("KA0314", "Inputs of one name differ in type",
        "Parameter {0} is {1} here and {2} in {3}; inputs of the same name are one argument, so give them one type or two names");

    public static readonly IReadOnlyList<SpecRule> All =
    [
        NotStatic, Signature, SecondMod, NoSpec, InputType, Type, Method, Construct, Recursion, LoopForm,
        LoopBound, Outside, Checked, InputClash,
    ];
}
