import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "node_modules/"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ["**/*.ts"] })),
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: false },
      ],
      // The Engine's answers hold null where dockerode's types promise a value.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_", argsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "max-lines": ["error", { max: 250, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
      "max-params": ["error", 4],
      complexity: ["error", 18],
    },
  },
  {
    // describe() and it() are as long as what they tell, tables of cases too; chains of asserts are not complexity.
    files: ["test/**/*.ts", "bench/**/*.ts"],
    rules: { "max-lines-per-function": "off", "max-lines": "off", complexity: "off" },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: {
        AbortSignal: "readonly",
        URL: "readonly",
        URLSearchParams: "readonly",
        fetch: "readonly",
        Buffer: "readonly",
        console: "readonly",
        process: "readonly",
        setInterval: "readonly",
        setTimeout: "readonly",
        clearInterval: "readonly",
        clearTimeout: "readonly",
      },
    },
  },
  {
    // What browsers load.
    files: ["services/dashboard/page/**/*.mjs"],
    languageOptions: {
      globals: {
        EventSource: "readonly",
        addEventListener: "readonly",
        document: "readonly",
        localStorage: "readonly",
        location: "readonly",
      },
    },
  },
  {
    // A table is as long as what it lists.
    files: ["shared/settings/settings.ts", "shared/contract/hooks.ts", "nats/permissions.ts"],
    rules: { "max-lines": "off" },
  },
  {
    // Time and the process are handed in where a service starts (CONTRIBUTING, "One clock, one signal").
    files: ["cli/**/*.ts", "nats/**/*.ts", "services/**/*.ts", "shared/**/*.ts"],
    ignores: ["shared/clock.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "clearTimeout",
        "clearInterval",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Take the clock from shared/clock.ts." },
        { object: "performance", property: "now", message: "Take the clock from shared/clock.ts." },
      ],
    },
  },
);
